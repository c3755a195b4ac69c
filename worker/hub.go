package main

import (
	"os"

	"elara/data/hub"
)

// openHub makes the client that fetches base models by name, from the variables that Python's huggingface_hub reads.
func openHub() (*hub.Client, error) {
	settings, err := hub.FromEnvironment(os.Getenv)
	if err != nil {
		return nil, err
	}
	return hub.New(settings)
}
