//go:build !torch

package main

// tuneOpenMP has nothing to do: this build has no engine.
func tuneOpenMP() error { return nil }
