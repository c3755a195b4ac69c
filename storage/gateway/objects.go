package gateway

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/s3response"
)

func (o *objects) HeadObject(ctx context.Context, in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	moved := *in
	moved.Bucket = o.at(in.Bucket)
	return o.posix.HeadObject(ctx, &moved)
}

func (o *objects) GetObject(ctx context.Context, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	moved := *in
	moved.Bucket = o.at(in.Bucket)
	return o.posix.GetObject(ctx, &moved)
}

func (o *objects) ListObjects(ctx context.Context, in *s3.ListObjectsInput) (s3response.ListObjectsResult, error) {
	moved := *in
	moved.Bucket = o.at(in.Bucket)
	result, err := o.posix.ListObjects(ctx, &moved)
	result.Name = in.Bucket
	result.Contents = slices.DeleteFunc(result.Contents, isInFlight)
	return result, err
}

func (o *objects) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input) (s3response.ListObjectsV2Result, error) {
	moved := *in
	moved.Bucket = o.at(in.Bucket)
	result, err := o.posix.ListObjectsV2(ctx, &moved)
	result.Name = in.Bucket
	result.Contents = slices.DeleteFunc(result.Contents, isInFlight)
	return result, err
}

func isInFlight(object s3response.Object) bool {
	return object.Key != nil && inFlight.MatchString(*object.Key)
}

func (o *objects) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	moved := *in
	moved.Bucket = o.at(in.Bucket)
	return o.posix.DeleteObject(ctx, &moved)
}

func (o *objects) DeleteObjects(ctx context.Context, in *s3.DeleteObjectsInput) (s3response.DeleteResult, error) {
	moved := *in
	moved.Bucket = o.at(in.Bucket)
	return o.posix.DeleteObjects(ctx, &moved)
}

func (o *objects) GetObjectTagging(ctx context.Context, bucket, object, version string) (map[string]string, error) {
	return o.posix.GetObjectTagging(ctx, o.path(bucket), object, version)
}

// PutObject answers after the object is on the disk.
func (o *objects) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	moved := in
	moved.Bucket = o.at(in.Bucket)
	out, err := o.posix.PutObject(ctx, moved)
	if err == nil {
		err = o.syncObject(*in.Bucket, *in.Key)
	}
	return out, err
}

func (o *objects) CreateMultipartUpload(ctx context.Context, in s3response.CreateMultipartUploadInput) (s3response.InitiateMultipartUploadResult, error) {
	moved := in
	moved.Bucket = o.at(in.Bucket)
	result, err := o.posix.CreateMultipartUpload(ctx, moved)
	result.Bucket = *in.Bucket
	return result, err
}

func (o *objects) UploadPart(ctx context.Context, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	moved := *in
	moved.Bucket = o.at(in.Bucket)
	return o.posix.UploadPart(ctx, &moved)
}

// CompleteMultipartUpload answers after the object is on the disk.
func (o *objects) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput) (s3response.CompleteMultipartUploadResult, string, error) {
	moved := *in
	moved.Bucket = o.at(in.Bucket)
	result, version, err := o.posix.CompleteMultipartUpload(ctx, &moved)
	result.Bucket = in.Bucket
	if err == nil {
		err = o.syncObject(*in.Bucket, *in.Key)
	}
	return result, version, err
}

func (o *objects) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput) error {
	moved := *in
	moved.Bucket = o.at(in.Bucket)
	return o.posix.AbortMultipartUpload(ctx, &moved)
}

func (o *objects) ListMultipartUploads(ctx context.Context, in *s3.ListMultipartUploadsInput) (s3response.ListMultipartUploadsResult, error) {
	moved := *in
	moved.Bucket = o.at(in.Bucket)
	result, err := o.posix.ListMultipartUploads(ctx, &moved)
	result.Bucket = *in.Bucket
	return result, err
}

func (o *objects) ListParts(ctx context.Context, in *s3.ListPartsInput) (s3response.ListPartsResult, error) {
	moved := *in
	moved.Bucket = o.at(in.Bucket)
	result, err := o.posix.ListParts(ctx, &moved)
	result.Bucket = *in.Bucket
	return result, err
}
