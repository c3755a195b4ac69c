package gateway

import (
	"net"
	"strconv"

	"github.com/versity/versitygw/s3api/utils"

	"elara/spec/fault"
)

// Options says what is served, where and to whom.
type Options struct {
	Folder    string // holds one folder per bucket; created when missing
	Address   string // host:port; port 0 takes a free one
	AccessKey string
	SecretKey string
	Region    string   // empty: us-east-1
	Buckets   []string // created when missing

	// AllowRemote permits an address that other machines can reach.
	AllowRemote bool
}

// Validate refuses options that cannot work or would open the server to other machines by mistake.
func (o Options) Validate() error {
	if o.Folder == "" {
		return fault.New(fault.Invalid, "gateway: no folder named")
	}
	if o.AccessKey == "" || o.SecretKey == "" {
		return fault.New(fault.Invalid, "gateway: expected an access key and a secret key")
	}
	host, port, err := net.SplitHostPort(o.Address)
	if err != nil {
		return fault.New(fault.Invalid, "gateway: address %q: expected host:port", o.Address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n > 65535 {
		return fault.New(fault.Invalid, "gateway: address %q: port: expected 0-65535", o.Address)
	}
	if !o.AllowRemote && !isLoopback(host) {
		return fault.New(fault.Invalid, "gateway: address %q can be reached from other machines: expected 127.0.0.1, ::1 or localhost",
			o.Address)
	}
	for _, bucket := range o.Buckets {
		if !utils.IsValidBucketName(bucket) {
			return fault.New(fault.Invalid, "gateway: bucket %q: expected 3-63 of a-z, 0-9, '-' and '.'", bucket)
		}
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
