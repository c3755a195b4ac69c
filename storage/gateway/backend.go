package gateway

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3response"

	"elara/spec/fault"
)

// objects serves buckets from a folder. It hands every request to the posix backend with the bucket's absolute path
// in place of its name: the backend takes a bucket for a path relative to the working folder, and changes the working
// folder of the whole process to make that true, which a library must not do. What is not overridden here answers
// NotImplemented, so nothing can reach the backend with a relative path.
type objects struct {
	backend.BackendUnsupported
	posix *posix.Posix
	root  string                  // absolute
	sync  func(path string) error // puts a file or folder on the disk; tests replace it
}

// openBackend opens the folder. Attributes of objects (tag, checksum) travel as extended attributes of the file, so
// that they change together with its name. The backend could keep them in files of their own, but then a reader, and
// a crash, can meet the bytes of one version with the tag of another; a file system without them is refused.
func openBackend(folder string) (*objects, error) {
	supported, err := hasAttributes(folder)
	if err != nil {
		return nil, fault.New(fault.Invalid, "gateway: write into folder: %w", err)
	}
	if !supported {
		return nil, fault.WithHint(fault.New(fault.Invalid, "gateway: the file system of %q does not keep extended attributes", folder),
			"use a folder on ext4, xfs, btrfs or zfs, or an S3 server of your own")
	}
	return openWith(folder, meta.XattrMeta{})
}

// openWith opens the backend, whose constructor moves the working folder of the process, and moves it back.
func openWith(folder string, attributes meta.MetadataStorer) (*objects, error) {
	before, err := os.Getwd()
	if err != nil {
		return nil, fault.New(fault.Invalid, "gateway: working folder: %w", err)
	}
	files, err := posix.New(folder, syncedAttributes{attributes}, posix.PosixOpts{})
	if back := os.Chdir(before); back != nil {
		return nil, fault.New(fault.Invalid, "gateway: return to the working folder: %w", back)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "gateway: open folder: %w", err)
	}
	return &objects{posix: files, root: folder, sync: syncPath}, nil
}

func (o *objects) createBuckets(ctx context.Context, owner string, buckets []string) error {
	acl, err := json.Marshal(auth.ACL{Owner: owner})
	if err != nil {
		return err
	}
	for _, bucket := range buckets {
		if err := os.Mkdir(o.path(bucket), 0o700); err != nil && !os.IsExist(err) {
			return fault.New(fault.Invalid, "gateway: create bucket: %w", err)
		}
		held, err := o.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: &bucket})
		if err != nil {
			return fault.New(fault.Invalid, "gateway: bucket %q: %w", bucket, err)
		}
		if len(held) > 0 {
			continue
		}
		if err := o.posix.PutBucketAcl(ctx, o.path(bucket), acl); err != nil {
			return fault.New(fault.Invalid, "gateway: bucket %q: %w", bucket, err)
		}
		if err := o.syncUp(o.path(bucket)); err != nil {
			return fault.New(fault.Invalid, "gateway: bucket %q: %w", bucket, err)
		}
	}
	return nil
}

func (o *objects) path(bucket string) string { return filepath.Join(o.root, bucket) }

func (o *objects) at(bucket *string) *string {
	path := o.path(*bucket)
	return &path
}

func (o *objects) String() string { return "elara " + o.posix.String() }
func (o *objects) Shutdown()      { o.posix.Shutdown() }

func (o *objects) NormalizeObjectKey(bucket, object string) string {
	return o.posix.NormalizeObjectKey(o.path(bucket), object)
}

func (o *objects) ListBuckets(_ context.Context, in s3response.ListBucketsInput) (s3response.ListAllMyBucketsResult, error) {
	entries, err := os.ReadDir(o.root)
	if err != nil {
		return s3response.ListAllMyBucketsResult{}, err
	}
	result := s3response.ListAllMyBucketsResult{Owner: s3response.CanonicalUser{ID: in.Owner}, Prefix: in.Prefix}
	for _, entry := range entries {
		if !entry.IsDir() || !utils.IsValidBucketName(entry.Name()) {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return s3response.ListAllMyBucketsResult{}, err
		}
		result.Buckets.Bucket = append(result.Buckets.Bucket, s3response.ListAllMyBucketsEntry{
			Name: entry.Name(), CreationDate: info.ModTime(),
		})
	}
	return result, nil
}

func (o *objects) HeadBucket(ctx context.Context, in *s3.HeadBucketInput) (*s3.HeadBucketOutput, error) {
	moved := *in
	moved.Bucket = o.at(in.Bucket)
	return o.posix.HeadBucket(ctx, &moved)
}

func (o *objects) CreateBucket(ctx context.Context, in *s3.CreateBucketInput, acl []byte) error {
	moved := *in
	moved.Bucket = o.at(in.Bucket)
	if err := o.posix.CreateBucket(ctx, &moved, acl); err != nil {
		return err
	}
	return o.syncUp(*moved.Bucket)
}

func (o *objects) DeleteBucket(ctx context.Context, bucket string) error {
	return o.posix.DeleteBucket(ctx, o.path(bucket))
}

func (o *objects) GetBucketAcl(ctx context.Context, in *s3.GetBucketAclInput) ([]byte, error) {
	moved := *in
	moved.Bucket = o.at(in.Bucket)
	return o.posix.GetBucketAcl(ctx, &moved)
}

func (o *objects) GetBucketVersioning(ctx context.Context, bucket string) (s3response.GetBucketVersioningOutput, error) {
	return o.posix.GetBucketVersioning(ctx, o.path(bucket))
}

func (o *objects) GetBucketPolicy(ctx context.Context, bucket string) ([]byte, error) {
	return o.posix.GetBucketPolicy(ctx, o.path(bucket))
}

func (o *objects) GetBucketOwnershipControls(ctx context.Context, bucket string) (types.ObjectOwnership, error) {
	return o.posix.GetBucketOwnershipControls(ctx, o.path(bucket))
}

func (o *objects) GetBucketCors(ctx context.Context, bucket string) ([]byte, error) {
	return o.posix.GetBucketCors(ctx, o.path(bucket))
}

func (o *objects) GetObjectLockConfiguration(ctx context.Context, bucket string) ([]byte, error) {
	return o.posix.GetObjectLockConfiguration(ctx, o.path(bucket))
}

func (o *objects) GetObjectRetention(ctx context.Context, bucket, object, version string) ([]byte, error) {
	return o.posix.GetObjectRetention(ctx, o.path(bucket), object, version)
}

func (o *objects) GetObjectLegalHold(ctx context.Context, bucket, object, version string) (*bool, error) {
	return o.posix.GetObjectLegalHold(ctx, o.path(bucket), object, version)
}

// inFlight is how the backend names the file that is about to replace an object; a crash can leave one behind.
var inFlight = regexp.MustCompile(`(^|/)\.[^/]+\.sgwtmp\.[0-9]+$`)
