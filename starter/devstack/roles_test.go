package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"elara/workflows"
)

// The test binary plays the other processes too: roleVariable says which one.
const (
	roleVariable   = "DEVSTACK_TEST_ROLE"
	folderVariable = "DEVSTACK_TEST_FOLDER"
	workerRole     = "worker"
	ownerRole      = "owner"
	failingRole    = "failing"
)

func TestMain(m *testing.M) {
	play, playing := map[string]func() error{
		workerRole: playWorker, ownerRole: playOwner, failingRole: func() error { return errors.New("no libtorch here") },
	}[os.Getenv(roleVariable)]
	if !playing {
		m.Run() // what it gives becomes the exit code when TestMain returns
		return
	}
	if err := play(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // in this role TestMain is main
	}
}

// waitForWord is a workflow that ends when it gets a signal, and then gives back its word.
func waitForWord(ctx workflow.Context) (string, error) {
	var word string
	workflow.GetSignalChannel(ctx, "word").Receive(ctx, &word)
	return word, nil
}

// playWorker serves the control queue of the stack that its environment names. Asked to stop, it proves that Temporal
// still answers by leaving a file in the folder.
func playWorker() error {
	connection, err := client.Dial(client.Options{HostPort: os.Getenv("ELARA_TEMPORAL_ADDRESS"), Namespace: os.Getenv("ELARA_TEMPORAL_NAMESPACE")})
	if err != nil {
		return err
	}
	defer connection.Close()
	w := worker.New(connection, workflows.ControlQueue, worker.Options{})
	w.RegisterWorkflowWithOptions(waitForWord, workflow.RegisterOptions{Name: "waitForWord"})
	if err := w.Start(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
	w.Stop()
	if _, err := connection.CheckHealth(context.Background(), &client.CheckHealthRequest{}); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(os.Getenv(folderVariable), "saved"), nil, 0o600)
}

// playOwner runs a stack until SIGTERM, and announces it.
func playOwner() error {
	announce := Announcer()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := os.Setenv(roleVariable, workerRole); err != nil { // for its own child
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	stack, err := Start(ctx, Options{Folder: os.Getenv(folderVariable), Worker: self})
	if err != nil {
		return err
	}
	if err := announce(); err != nil {
		return err
	}
	<-ctx.Done()
	return stack.Stop(context.Background())
}
