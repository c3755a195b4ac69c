package main

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/configs"
	"elara/storage"
	"elara/storage/gateway"
)

// Activities open places at the same time, and none may come by another's. Mostly it is the race detector that sees it.
func TestPlacesThatAreOpenedAtOnceAreApart(t *testing.T) {
	names := []string{"first", "second", "third", "fourth"}
	g, err := gateway.Start(t.Context(), gateway.Options{
		Folder: t.TempDir(), Address: "127.0.0.1:0", AccessKey: "elara", SecretKey: "elara-test-secret", Buckets: names,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	open := buckets(configs.S3Settings{
		Endpoint: g.Endpoint(), PathStyle: true, AccessKey: configs.NewSecret("elara"), SecretKey: configs.NewSecret("elara-test-secret"),
	})
	stores := make([]storage.Store, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			var err error
			if stores[i], err = open(t.Context(), name, "exports/"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i, name := range names {
		_, err := stores[i].Put(t.Context(), name, strings.NewReader(name), storage.IfAbsent())
		require.NoError(t, err)
		again, err := open(t.Context(), name, "exports/")
		require.NoError(t, err)
		_, err = again.Stat(t.Context(), name)
		require.NoError(t, err)
	}
}
