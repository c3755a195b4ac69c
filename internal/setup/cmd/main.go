package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"elara/internal/setup"
	"elara/spec/fault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	options := setup.Options{BuildDir: "build", Out: os.Stdout}
	if libtorch, set := os.LookupEnv("LIBTORCH"); set {
		options.Libtorch = &libtorch
	}
	if cuda, set := os.LookupEnv("CUDA"); set {
		options.CUDA = &cuda
	}
	err := setup.Run(ctx, options)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "setup:", err)
	if fault.Is(err, fault.Invalid) {
		os.Exit(2)
	}
	os.Exit(1)
}
