package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"elara/spec/fault"
	"elara/storage"
)

type store struct {
	options Options
	client  *awss3.Client
	parts   *transfermanager.Client
}

// full gives the key in the bucket.
func (s *store) full(key string) *string {
	if s.options.Prefix != "" {
		key = s.options.Prefix + "/" + key
	}
	return &key
}

// Put implements storage.Store.
func (s *store) Put(ctx context.Context, key string, body io.ReadSeeker, condition storage.Condition) (storage.Info, error) {
	if err := storage.CheckKey(key); err != nil {
		return storage.Info{}, err
	}
	size, err := storage.SizeOf(body)
	if err != nil {
		return storage.Info{}, fault.New(fault.Invalid, "put %q: measure body: %w", key, err)
	}
	put := s.putWhole
	if size > s.options.multipartAbove() {
		put = s.putParts
	}
	etag, err := put(ctx, key, body, size, condition)
	if err != nil {
		return storage.Info{}, s.failedPut(key, condition, err)
	}
	return storage.Info{Key: key, ETag: bare(etag), SizeBytes: size}, nil
}

func (s *store) putWhole(ctx context.Context, key string, body io.ReadSeeker, size int64, condition storage.Condition) (*string, error) {
	ifMatch, ifNoneMatch := headers(condition)
	out, err := s.client.PutObject(ctx, &awss3.PutObjectInput{
		Bucket: &s.options.Bucket, Key: s.full(key), Body: body, ContentLength: &size,
		IfMatch: ifMatch, IfNoneMatch: ifNoneMatch,
	})
	if err != nil {
		return nil, err
	}
	return out.ETag, nil
}

// putParts leaves the condition to the completion, and looks first whether it can still hold, so that a large body is
// not sent in vain.
func (s *store) putParts(ctx context.Context, key string, body io.ReadSeeker, _ int64, condition storage.Condition) (*string, error) {
	if condition != storage.Always() {
		found, err := s.Stat(ctx, key)
		exists := err == nil
		if !exists && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		if exists == condition.Absent() || (exists && condition.ETag() != found.ETag) {
			return nil, fault.New(fault.Conflict, "the object is not in the state that was expected")
		}
	}
	ifMatch, ifNoneMatch := headers(condition)
	out, err := s.parts.UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket: &s.options.Bucket, Key: s.full(key), Body: body, IfMatch: ifMatch, IfNoneMatch: ifNoneMatch,
	})
	if err != nil {
		return nil, err
	}
	return out.ETag, nil
}

func headers(condition storage.Condition) (ifMatch, ifNoneMatch *string) {
	if condition.Absent() {
		return nil, aws.String("*")
	}
	if tag := condition.ETag(); tag != "" {
		return aws.String(`"` + tag + `"`), nil
	}
	return nil, nil
}

// failedPut knows that some servers answer 404 to If-Match when the object is gone: the condition did not hold.
func (s *store) failedPut(key string, condition storage.Condition, err error) error {
	if fault.KindOf(err) != "" {
		return fmt.Errorf("put %q: %w", key, err)
	}
	if statusOf(err) == http.StatusNotFound && condition.ETag() != "" && codeOf(err) != "NoSuchBucket" {
		return fault.New(fault.Conflict, "put %q: the object to replace is gone: %w", key, err)
	}
	return s.failed("put "+quoted(key), err)
}

// Get implements storage.Store.
func (s *store) Get(ctx context.Context, key string) (io.ReadCloser, storage.Info, error) {
	if err := storage.CheckKey(key); err != nil {
		return nil, storage.Info{}, err
	}
	out, err := s.client.GetObject(ctx, &awss3.GetObjectInput{Bucket: &s.options.Bucket, Key: s.full(key)})
	if err != nil {
		return nil, storage.Info{}, s.failed("get "+quoted(key), err)
	}
	info := storage.Info{Key: key, ETag: bare(out.ETag), SizeBytes: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified)}
	return &bodyReader{ctx: ctx, key: key, body: out.Body}, info, nil
}

// bodyReader gives the errors of a body a kind: a body that breaks off, or does not match the server's own checksum,
// may be whole the next time.
type bodyReader struct {
	ctx  context.Context // that of the Get whose answer this is
	key  string
	body io.ReadCloser
}

func (r *bodyReader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if cancelled := r.ctx.Err(); cancelled != nil {
		return n, cancelled
	}
	return n, fault.New(fault.Transient, "read %q: %w", r.key, err)
}

func (r *bodyReader) Close() error { return r.body.Close() }

// Stat implements storage.Store.
func (s *store) Stat(ctx context.Context, key string) (storage.Info, error) {
	if err := storage.CheckKey(key); err != nil {
		return storage.Info{}, err
	}
	out, err := s.client.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: &s.options.Bucket, Key: s.full(key)})
	if err != nil {
		return storage.Info{}, s.failed("stat "+quoted(key), err)
	}
	return storage.Info{Key: key, ETag: bare(out.ETag), SizeBytes: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified)}, nil
}

// List implements storage.Store.
func (s *store) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		if err := storage.CheckPrefix(prefix); err != nil {
			yield(storage.Info{}, err)
			return
		}
		base := ""
		if s.options.Prefix != "" {
			base = s.options.Prefix + "/"
		}
		pages := awss3.NewListObjectsV2Paginator(s.client, &awss3.ListObjectsV2Input{
			Bucket: &s.options.Bucket, Prefix: aws.String(base + prefix),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(storage.Info{}, s.failed("list "+quoted(prefix), err))
				return
			}
			for _, found := range page.Contents {
				info := storage.Info{
					Key: strings.TrimPrefix(aws.ToString(found.Key), base), ETag: bare(found.ETag),
					SizeBytes: aws.ToInt64(found.Size), Modified: aws.ToTime(found.LastModified),
				}
				if !yield(info, nil) {
					return
				}
			}
		}
	}
}

// Delete implements storage.Store.
func (s *store) Delete(ctx context.Context, key string) error {
	if err := storage.CheckKey(key); err != nil {
		return err
	}
	_, err := s.client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: &s.options.Bucket, Key: s.full(key)})
	if err == nil || codeOf(err) == "NoSuchKey" {
		return nil
	}
	return s.failed("delete "+quoted(key), err)
}

// bare takes the quotes off an ETag; some answers carry them and some do not.
func bare(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }
