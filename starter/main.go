package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal asks to end in order; a second one ends at once
	os.Exit(execute(ctx, newApp(os.Stdin, os.Stdout, os.Stderr), os.Args[1:]))
}

// execute runs one command line and gives its exit code. What went wrong is one line on standard error.
func execute(ctx context.Context, a *app, args []string) int {
	root := newRoot(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintf(a.err, "elara: %s\n", oneLine(err))
	}
	return exitCode(err)
}
