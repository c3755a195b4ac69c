//go:build torch

package main

import (
	"os"
	"syscall"
)

// tuneOpenMP starts the program again, in the same process, with threads that soon sleep while they wait for each other. libgomp
// lets them spin by default: beside any other load on the machine they then burn the very time that the one they wait for
// needs, and a step takes many times as long (docs/performance.md). libgomp reads its environment when it is loaded, before
// any code of ours runs, hence the new start. Settings of the user's own are left alone.
func tuneOpenMP() error {
	for _, name := range []string{"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} {
		if os.Getenv(name) != "" {
			return nil
		}
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(program, os.Args, append(os.Environ(), "GOMP_SPINCOUNT=30000"))
}
