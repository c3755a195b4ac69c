package s3

import (
	"fmt"
	"net/url"
	"strings"

	"elara/spec/fault"
	"elara/storage"
)

// Secret is a text that never shows itself in logs, errors or dumps.
type Secret string

// String hides the secret.
func (Secret) String() string { return "***" }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return "***" }

// MarshalText hides the secret from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Format hides the secret from every verb.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "***") }

const (
	// DefaultRegion is used with an endpoint of one's own, where the region has no meaning.
	DefaultRegion = "us-east-1"

	minPartBytes          = 5 << 20 // S3's limit for every part but the last
	defaultMultipartBytes = 64 << 20
	defaultPartBytes      = 16 << 20
)

// Options says where the bucket is and how to get in.
type Options struct {
	Endpoint string // URL of the server; empty: AWS
	Region   string // empty: from the environment, or DefaultRegion when Endpoint is set
	Bucket   string
	Prefix   string // put before every key, without a slash at its end; lets several stores share a bucket

	// PathStyle puts the bucket into the path instead of the host name. Servers other than AWS mostly need it.
	PathStyle bool

	// AccessKey and SecretKey are used when given; otherwise the SDK's chain (environment, shared files, instance roles).
	AccessKey    string
	SecretKey    Secret
	SessionToken Secret

	CreateBucket bool // create the bucket when it is missing

	MultipartAboveBytes int64 // larger objects go up in parts; 0: 64 MiB
	PartBytes           int64 // 0: 16 MiB; at least 5 MiB
	MaxAttempts         int   // tries per request; 0: 5
}

// Validate refuses options that cannot work.
func (o Options) Validate() error {
	if o.Bucket == "" {
		return fault.New(fault.Invalid, "s3: no bucket named")
	}
	if o.Endpoint != "" {
		at, err := url.Parse(o.Endpoint)
		if err != nil || at.Host == "" || (at.Scheme != "http" && at.Scheme != "https") {
			return fault.New(fault.Invalid, "s3: endpoint %q: expected a URL such as https://s3.example.org:9000", o.Endpoint)
		}
		if at.User != nil {
			return fault.New(fault.Invalid, "s3: endpoint for host %q carries credentials: give them as access and secret key", at.Host)
		}
	}
	if o.Prefix != "" {
		if err := storage.CheckKey(o.Prefix); err != nil {
			return fault.New(fault.Invalid, "s3: prefix: %w", err)
		}
	}
	if (o.AccessKey == "") != (o.SecretKey == "") {
		return fault.New(fault.Invalid, "s3: access key and secret key: expected both or neither")
	}
	if o.SessionToken != "" && o.AccessKey == "" {
		return fault.New(fault.Invalid, "s3: a session token needs an access key and a secret key")
	}
	if o.PartBytes != 0 && o.PartBytes < minPartBytes {
		return fault.New(fault.Invalid, "s3: parts of %d bytes: expected at least %d", o.PartBytes, minPartBytes)
	}
	if o.MultipartAboveBytes < 0 || o.MaxAttempts < 0 {
		return fault.New(fault.Invalid, "s3: multipart limit %d and attempts %d: expected 0 or more",
			o.MultipartAboveBytes, o.MaxAttempts)
	}
	return nil
}

func (o Options) region() string {
	if o.Region == "" && o.Endpoint != "" {
		return DefaultRegion
	}
	return o.Region
}

func (o Options) multipartAbove() int64 {
	if o.MultipartAboveBytes == 0 {
		return defaultMultipartBytes
	}
	return o.MultipartAboveBytes
}

func (o Options) partBytes() int64 {
	if o.PartBytes == 0 {
		return defaultPartBytes
	}
	return o.PartBytes
}

func (o Options) maxAttempts() int {
	if o.MaxAttempts == 0 {
		return 5
	}
	return o.MaxAttempts
}

// where names the bucket for people.
func (o Options) where() string {
	if o.Endpoint == "" {
		return fmt.Sprintf("bucket %q", o.Bucket)
	}
	return fmt.Sprintf("bucket %q at %s", o.Bucket, strings.TrimSuffix(o.Endpoint, "/"))
}
