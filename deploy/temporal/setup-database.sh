#!/bin/sh
# Brings Temporal's two databases to the schema of the tool's own version. It may run any number of times.
# Needs temporal-sql-tool on PATH, and SQL_HOST, SQL_PORT, SQL_USER, SQL_PASSWORD.
set -eu

for database in temporal:temporal temporal_visibility:visibility; do
    name=${database%%:*} schema=${database##*:}
    set -- temporal-sql-tool --plugin postgres12 --endpoint "$SQL_HOST" --port "$SQL_PORT" --user "$SQL_USER" --database "$name"
    "$@" create-database
    # The version table is what tells a new database from an old one: setting it up again would reset the version.
    if ! "$@" update-schema --schema-name "postgresql/v12/$schema" >/dev/null 2>&1; then
        "$@" setup-schema --version 0.0
        "$@" update-schema --schema-name "postgresql/v12/$schema"
    fi
    echo "database $name is ready"
done
