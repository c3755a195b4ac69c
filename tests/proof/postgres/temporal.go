package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"elara/internal/setup"
)

// setUpDatabase runs the script that docker-compose.yml runs, twice: the second time must change nothing.
func (s *site) setUpDatabase(ctx context.Context) error {
	var version string
	for range 2 {
		script := exec.CommandContext(ctx, "sh", filepath.Join(s.root, "deploy", "temporal", "setup-database.sh"))
		script.Env = append(os.Environ(), "PATH="+s.tools.temporal+":"+os.Getenv("PATH"), "SQL_PLUGIN=postgres12",
			"SQL_HOST=127.0.0.1", "SQL_PORT="+strconv.Itoa(s.databasePort), "SQL_USER=temporal", "SQL_PASSWORD="+password)
		if _, err := run(script); err != nil {
			return err
		}
		now, err := s.query(ctx, "temporal", "select curr_version, creation_time from schema_version")
		if err != nil {
			return err
		}
		if version != "" && now != version {
			return fmt.Errorf("the second set-up changed the schema's version from %q to %q", version, now)
		}
		version = now
	}
	return nil
}

// startTemporal starts the server with deploy/temporal/server.env, as docker-compose.yml does, on free ports.
func (s *site) startTemporal(ctx context.Context) error {
	settings, err := os.ReadFile(filepath.Join(s.root, "deploy", "temporal", "server.env"))
	if err != nil {
		return err
	}
	environment := os.Environ()
	for line := range strings.Lines(string(settings)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			environment = append(environment, line)
		}
	}
	names := []string{
		"FRONTEND_GRPC_PORT", "FRONTEND_HTTP_PORT", "FRONTEND_MEMBERSHIP_PORT", "MATCHING_GRPC_PORT", "MATCHING_MEMBERSHIP_PORT",
		"HISTORY_GRPC_PORT", "HISTORY_MEMBERSHIP_PORT", "WORKER_GRPC_PORT", "WORKER_MEMBERSHIP_PORT",
	}
	ports, err := s.ports(ctx, len(names))
	if err != nil {
		return err
	}
	for i, name := range names {
		environment = append(environment, name+"="+strconv.Itoa(ports[i]))
	}
	s.temporal = net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))
	server := exec.CommandContext(ctx, filepath.Join(s.tools.temporal, "temporal-server"), "--allow-no-auth", "start")
	environment = append(environment, "POSTGRES_SEEDS=127.0.0.1", "DB_PORT="+strconv.Itoa(s.databasePort), "POSTGRES_USER=temporal", "POSTGRES_PWD="+password,
		"BIND_ON_IP=127.0.0.1", "TEMPORAL_BROADCAST_ADDRESS=127.0.0.1",
		"DYNAMIC_CONFIG_FILE_PATH="+filepath.Join(s.root, "deploy", "temporal", "dynamic.yaml"))
	server.Env = environment
	if err := s.start("temporal", server); err != nil {
		return err
	}
	return s.await(ctx, func(ctx context.Context) error {
		_, err := s.cli(ctx, "operator", "cluster", "health")
		return err
	})
}

// setUpNamespace runs the script that docker-compose.yml runs, twice.
func (s *site) setUpNamespace(ctx context.Context) error {
	cli, err := setup.Temporal(ctx)
	if err != nil {
		return err
	}
	for range 2 {
		script := exec.CommandContext(ctx, "sh", filepath.Join(s.root, "deploy", "temporal", "setup-namespace.sh"))
		script.Env = append(os.Environ(), "PATH="+filepath.Dir(cli)+":"+os.Getenv("PATH"), "TEMPORAL_ADDRESS="+s.temporal, "TEMPORAL_NAMESPACE="+namespace)
		if _, err := run(script); err != nil {
			return err
		}
	}
	return nil
}

// cli asks the server with Temporal's command line.
func (s *site) cli(ctx context.Context, arguments ...string) (string, error) {
	path, err := setup.Temporal(ctx)
	if err != nil {
		return "", err
	}
	command := exec.CommandContext(ctx, path, arguments...)
	command.Env = append(os.Environ(), "TEMPORAL_ADDRESS="+s.temporal)
	return run(command)
}
