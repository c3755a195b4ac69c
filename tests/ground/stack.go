package ground

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"

	"elara/internal/connect"
	"elara/spec/fault"
	"elara/starter/devstack"
	"elara/storage"
	"elara/storage/s3"
)

// Elara is the command that a user types.
const Elara = "build/elara"

// Parts of a stack that are killed: two of those that it names, and the stack itself, `elara up` with the S3 gateway in it.
const (
	WorkerPart   = "worker"
	TemporalPart = "temporal"
	StackPart    = "stack"
)

// Stack is a real stack with its state in a folder, run by the built program.
type Stack struct{ State string }

// Elara runs a verb on the stack and gives its standard output.
func (s Stack) Elara(ctx context.Context, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, Elara, append(arguments, "--state", s.State)...)
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("elara %s: %w: %s", arguments[0], err, bytes.TrimSpace(append(out.Bytes(), problems.Bytes()...)))
	}
	return out.String(), nil
}

// Up starts the stack, for the first time or again.
func (s Stack) Up(ctx context.Context) error {
	for _, program := range []string{Elara, Worker} {
		if _, err := os.Stat(program); err != nil {
			return fmt.Errorf("%s is missing: run make build, and the proof from the repository's root", program)
		}
	}
	_, err := s.Elara(ctx, "up", "--detach")
	return err
}

// Close stops the stack where it runs, whatever ended the proof.
func (s Stack) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if _, err := devstack.Find(s.State); fault.Is(err, fault.NotFound) {
		return nil
	}
	_, err := s.Elara(ctx, "down")
	return err
}

// Store opens the stack's store. It stays good over every kill.
func (s Stack) Store(ctx context.Context) (storage.Store, error) {
	record, err := devstack.Find(s.State)
	if err != nil {
		return nil, err
	}
	credentials, err := devstack.LoadCredentials(s.State)
	if err != nil {
		return nil, err
	}
	return s3.Open(ctx, s3.Options{
		Endpoint: record.S3, Region: record.Region, Bucket: record.Bucket, PathStyle: true,
		AccessKey: credentials.AccessKey, SecretKey: s3.Secret(credentials.SecretKey),
	})
}

// Temporal makes a client of the stack's server, which connects when it is used. It stays good over every kill.
func (s Stack) Temporal() (client.Client, error) {
	record, err := devstack.Find(s.State)
	if err != nil {
		return nil, err
	}
	return client.NewLazyClient(client.Options{HostPort: record.Temporal, Namespace: record.Namespace, Logger: connect.Quiet{}})
}

// Kill ends a part as a power cut would, and gives the process that it was.
func (s Stack) Kill(part string) (victim int, err error) {
	record, err := devstack.Find(s.State)
	if err != nil {
		return 0, err
	}
	if victim = pidOf(record, part); victim == 0 {
		return 0, fmt.Errorf("no %s runs", part)
	}
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		return 0, fmt.Errorf("kill the %s: %w", part, err)
	}
	return victim, nil
}

// Replaced waits until another process has taken the victim's place. The stack starts its parts again by itself; a stack that was
// killed is started here, as a user would.
func (s Stack) Replaced(ctx context.Context, poll time.Duration, part string, victim int) error {
	if part == StackPart {
		err := Await(ctx, poll, "the killed stack to be gone", func() error {
			if _, err := devstack.Find(s.State); !fault.Is(err, fault.NotFound) {
				return errors.Join(errors.New("it still holds its folder"), err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return s.Up(ctx)
	}
	return Await(ctx, poll, "the "+part+" to start again", func() error {
		record, err := devstack.Find(s.State)
		if err != nil {
			return err
		}
		if pid := pidOf(record, part); pid == 0 || pid == victim {
			return errors.New("it is down")
		}
		if part != TemporalPart {
			return nil
		}
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", record.Temporal)
		if err != nil {
			return err
		}
		return connection.Close()
	})
}

// pidOf gives the process of a part; 0 while it is down.
func pidOf(record devstack.Record, part string) int {
	if part == StackPart {
		return record.PID
	}
	for _, p := range record.Parts {
		if p.Name == part {
			return p.PID
		}
	}
	return 0
}
