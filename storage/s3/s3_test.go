package s3_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/storage"
	"elara/storage/gateway/gatewaytest"
	"elara/storage/s3"
	"elara/storage/storagetest"
)

func TestContractOverTheGateway(t *testing.T) {
	storagetest.Run(t, gatewaytest.Start(t))
}

// TestContractOverAnEndpoint runs the suite over any S3 endpoint, in a prefix of its own, which is emptied at the end.
func TestContractOverAnEndpoint(t *testing.T) {
	options := s3.Options{
		Endpoint:  os.Getenv("ELARA_TEST_S3_ENDPOINT"),
		Region:    os.Getenv("ELARA_TEST_S3_REGION"),
		Bucket:    os.Getenv("ELARA_TEST_S3_BUCKET"),
		AccessKey: os.Getenv("ELARA_TEST_S3_ACCESS_KEY"),
		SecretKey: s3.Secret(os.Getenv("ELARA_TEST_S3_SECRET_KEY")),
		PathStyle: true, CreateBucket: true, MultipartAboveBytes: 8 << 20, PartBytes: 5 << 20,
	}
	if options.Endpoint == "" {
		t.Skip("ELARA_TEST_S3_ENDPOINT is not set: set it, and ELARA_TEST_S3_BUCKET, _ACCESS_KEY, _SECRET_KEY (and _REGION), " +
			"to run the contract suite over that server")
	}
	storagetest.Run(t, func(t *testing.T) storage.Store {
		options.Prefix = "elara-test/" + strings.ToLower(rand.Text())
		store, err := s3.Open(t.Context(), options)
		require.NoError(t, err)
		t.Cleanup(func() { empty(t, store) })
		return store
	})
}

func empty(t *testing.T, store storage.Store) {
	ctx := context.WithoutCancel(t.Context()) // the test's own has ended by the time of its cleanup
	for info, err := range store.List(ctx, "") {
		require.NoError(t, err)
		require.NoError(t, store.Delete(ctx, info.Key))
	}
}

func TestSecretsNeverShow(t *testing.T) {
	options := s3.Options{AccessKey: "known", SecretKey: "hidden-words", SessionToken: "hidden-token"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		require.NotContains(t, fmt.Sprintf(format, options), "hidden", format)
		require.NotContains(t, fmt.Sprintf(format, options), "68696464656e", format)
	}
}
