package main

import (
	"context"
	"os"
	"path/filepath"

	"elara/spec"
	"elara/storage"
	"elara/storage/artifact"
)

// writeCard lays the model card of an adapter beside it, where the gates have written one.
func writeCard(ctx context.Context, store storage.Store, gates *spec.GateResult, adapter spec.AdapterName, dir string) error {
	if gates == nil {
		return nil
	}
	for _, gate := range gates.Adapters {
		if gate.Adapter != adapter {
			continue
		}
		card, err := artifact.ReadFile(ctx, store, gates.Report, "cards/"+string(adapter)+".md")
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "README.md"), card, 0o644)
	}
	return nil
}
