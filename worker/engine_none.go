//go:build !torch

package main

import (
	"context"

	"elara/configs"
)

// openEngine gives no engine: this build moves data and runs workflows only.
func openEngine(context.Context, configs.WorkerSettings) (engine, error) {
	return engine{close: func() error { return nil }}, nil
}
