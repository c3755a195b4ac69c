// Package s3 is a Store over an S3 endpoint. It is the only package that sees the AWS SDK.
//
// It promises the contract of storage.Store on any endpoint that honours If-None-Match and If-Match on PutObject and
// CompleteMultipartUpload; storage.Probe finds out. Objects above Options.MultipartAboveBytes go up in parts, with the
// condition on the completion. Requests that fail for a passing reason are tried again by the SDK.
//
// It refuses, with a text that says what to do, a bucket that is missing or in another region, keys without access and
// a clock that is wrong.
//
//	store, err := s3.Open(ctx, s3.Options{
//		Endpoint: "http://127.0.0.1:9000", Bucket: "elara", PathStyle: true,
//		AccessKey: "elara", SecretKey: s3.Secret(os.Getenv("ELARA_S3_SECRET_KEY")),
//	})
package s3
