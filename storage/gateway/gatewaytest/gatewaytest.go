package gatewaytest

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/storage"
	"elara/storage/gateway"
	"elara/storage/s3"
)

const (
	bucket    = "elara-test"
	accessKey = "elara"
	secretKey = "elara-test-secret"
)

// Start runs a gateway until the test ends and gives a function that opens an empty store on it. One gateway runs per
// process, so tests that start one do not run in parallel.
func Start(t *testing.T) func(t *testing.T) storage.Store {
	t.Helper()
	g, err := gateway.Start(t.Context(), gateway.Options{
		Folder: t.TempDir(), Address: "127.0.0.1:0", AccessKey: accessKey, SecretKey: secretKey, Buckets: []string{bucket},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	return func(t *testing.T) storage.Store {
		t.Helper()
		store, err := s3.Open(t.Context(), Options(g))
		require.NoError(t, err)
		return store
	}
}

// Options gives what opens an empty store on a gateway that Start would run.
func Options(g *gateway.Gateway) s3.Options {
	return s3.Options{
		Endpoint: g.Endpoint(), Bucket: bucket, Prefix: strings.ToLower(rand.Text()), PathStyle: true,
		AccessKey: accessKey, SecretKey: secretKey,
		MultipartAboveBytes: 8 << 20, PartBytes: 5 << 20, // so that the suite's large object goes up in parts
	}
}
