package connect

import (
	"context"
	"strings"

	"elara/configs"
	"elara/storage"
	"elara/storage/s3"
)

// Store opens the object store. Whoever writes checkpoints to it calls storage.Probe before the first one.
func Store(ctx context.Context, at configs.S3Settings) (storage.Store, error) {
	return s3.Open(ctx, s3.Options{
		Endpoint: at.Endpoint, Region: at.Region, Bucket: at.Bucket, Prefix: strings.TrimSuffix(at.Prefix, "/"),
		PathStyle: at.PathStyle, CreateBucket: at.CreateBucket,
		AccessKey: at.AccessKey.Reveal(), SecretKey: s3.Secret(at.SecretKey.Reveal()),
	})
}
