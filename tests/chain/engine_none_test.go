//go:build !torch

package chain

import (
	"elara/storage"
	"elara/worker/serve"
)

// engineOf is the toy; the real engine needs the tag torch.
func engineOf(store storage.Store) (*serve.Engine, storage.Store, error) {
	return toyEngine(), store, nil
}
