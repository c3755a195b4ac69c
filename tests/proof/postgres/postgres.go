package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// startPostgres makes a cluster of its own and starts it.
func (s *site) startPostgres(ctx context.Context) error {
	ports, err := s.ports(ctx, 1)
	if err != nil {
		return err
	}
	s.databasePort = ports[0]
	owner, err := unprivileged()
	if err != nil {
		return err
	}
	folder := filepath.Join(s.work, "postgres")
	secret := filepath.Join(folder, "password")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		return err
	}
	if owner != nil {
		uid, gid := int(owner.Credential.Uid), int(owner.Credential.Gid)
		if err := errors.Join(os.Chown(folder, uid, gid), os.Chown(secret, uid, gid)); err != nil {
			return err
		}
	}
	data := filepath.Join(folder, "data")
	initialise := exec.CommandContext(ctx, filepath.Join(s.tools.postgres, "initdb"),
		"--pgdata", data, "--username", "temporal", "--pwfile", secret, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C")
	initialise.Dir, initialise.SysProcAttr = folder, owner
	if _, err := run(initialise); err != nil {
		return err
	}
	server := exec.CommandContext(ctx, filepath.Join(s.tools.postgres, "postgres"),
		"-D", data, "-k", folder, "-c", "listen_addresses=127.0.0.1", "-c", "port="+strconv.Itoa(s.databasePort))
	server.Dir = folder
	if owner != nil {
		server.SysProcAttr = &syscall.SysProcAttr{Credential: owner.Credential}
	}
	if err := s.start("postgres", server); err != nil {
		return err
	}
	return s.await(ctx, func(ctx context.Context) error {
		_, err := s.query(ctx, "postgres", "select 1")
		return err
	})
}

// query asks the database and gives the bare answer.
func (s *site) query(ctx context.Context, database, statement string) (string, error) {
	psql := exec.CommandContext(ctx, filepath.Join(s.tools.postgres, "psql"), "--no-psqlrc", "--tuples-only", "--no-align",
		"--host", "127.0.0.1", "--port", strconv.Itoa(s.databasePort), "--username", "temporal", "--dbname", database, "--command", statement)
	psql.Env = append(os.Environ(), "PGPASSWORD="+password)
	return run(psql)
}

// unprivileged gives the identity for PostgreSQL, which refuses to run as root; nil when we are not root.
func unprivileged() (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, err
		}
		return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return nil, fmt.Errorf("PostgreSQL refuses to run as root, and there is no user postgres or nobody")
}
