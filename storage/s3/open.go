package s3

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"elara/spec/fault"
	"elara/storage"
)

// answerTimeout is how long a server may take from the last byte of a request to the first of its answer. A server
// that syncs a large object to disk needs seconds; one that needs minutes is hung, and the request is tried again.
const answerTimeout = 2 * time.Minute

// Open connects to the bucket and makes sure that it is there, creating it when the options say so.
func Open(ctx context.Context, options Options) (storage.Store, error) {
	if err := options.Validate(); err != nil {
		return nil, err
	}
	settings, err := settings(ctx, options)
	if err != nil {
		return nil, err
	}
	client := awss3.NewFromConfig(settings, func(o *awss3.Options) {
		o.UsePathStyle = options.PathStyle
		o.DisableLogOutputChecksumValidationSkipped = true // what matters here carries a digest of its own
		if options.Endpoint != "" {
			o.BaseEndpoint = aws.String(options.Endpoint)
		}
	})
	s := &store{
		options: options,
		client:  client,
		parts: transfermanager.New(client, func(o *transfermanager.Options) {
			o.PartSizeBytes = options.partBytes()
			o.MultipartUploadThreshold = options.partBytes() // the store decides what goes up in parts
			o.FailTimeout = 10 * time.Second                 // abandoned parts are removed even after a cancellation
		}),
	}
	return s, s.findBucket(ctx)
}

func settings(ctx context.Context, options Options) (aws.Config, error) {
	retryer := func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = options.maxAttempts() })
	}
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.ResponseHeaderTimeout = answerTimeout
		t.MaxIdleConnsPerHost = 64
	})
	load := []func(*config.LoadOptions) error{
		config.WithRetryer(retryer),
		config.WithHTTPClient(client),
		config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenSupported),
		config.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenSupported),
	}
	if options.AccessKey != "" {
		load = append(load, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(
			options.AccessKey, string(options.SecretKey), string(options.SessionToken))))
	}
	if region := options.region(); region != "" {
		load = append(load, config.WithRegion(region))
	}
	loaded, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return aws.Config{}, fault.New(fault.Invalid, "s3: load settings: %w", err)
	}
	if _, err := loaded.Credentials.Retrieve(ctx); err != nil {
		if ctx.Err() != nil {
			return aws.Config{}, ctx.Err()
		}
		return aws.Config{}, fault.WithHint(fault.New(fault.Invalid, "s3: find credentials for %s: %w", options.where(), err),
			"give an access key and a secret key, or log in with the provider's tools")
	}
	if loaded.Region == "" {
		return aws.Config{}, fault.WithHint(fault.New(fault.Invalid, "s3: no region for %s", options.where()),
			"set the region in the configuration or in AWS_REGION")
	}
	return loaded, nil
}

func (s *store) findBucket(ctx context.Context) error {
	_, err := s.client.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: &s.options.Bucket})
	if err == nil {
		return nil
	}
	if statusOf(err) != http.StatusNotFound || !s.options.CreateBucket {
		return s.failed("open "+s.options.where(), asMissingBucket(err))
	}
	create := &awss3.CreateBucketInput{Bucket: &s.options.Bucket}
	if region := s.client.Options().Region; s.options.Endpoint == "" && region != DefaultRegion {
		create.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(region),
		}
	}
	_, err = s.client.CreateBucket(ctx, create)
	if code := codeOf(err); code == "BucketAlreadyOwnedByYou" || code == "BucketAlreadyExists" {
		_, err = s.client.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: &s.options.Bucket}) // someone else was first
	}
	if err != nil {
		return s.failed("create "+s.options.where(), err)
	}
	return nil
}
