package mem_test

import (
	"testing"

	"elara/storage"
	"elara/storage/mem"
	"elara/storage/storagetest"
)

func TestContract(t *testing.T) {
	storagetest.Run(t, func(*testing.T) storage.Store { return mem.New() })
}
