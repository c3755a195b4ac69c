package cas

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"

	"elara/spec"
	"elara/spec/fault"
)

// checkedBody reads a body and withholds its last bytes when the whole does not have the promised digest, so that
// the request which carries it fails and nothing is stored. A body that is read again from its start (for a checksum,
// for a retry) is checked each time.
type checkedBody struct {
	body     io.ReadSeeker
	blob     Blob
	start    int64 // position of body where the blob begins
	at       int64 // position from start
	hashed   int64 // how far hash has come
	hash     hash.Hash
	mismatch error // set when the content differed
}

func newCheckedBody(body io.ReadSeeker, blob Blob) (*checkedBody, error) {
	start, err := body.Seek(0, io.SeekCurrent)
	return &checkedBody{body: body, blob: blob, start: start, hash: sha256.New()}, err
}

func (c *checkedBody) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	if c.at == c.hashed {
		c.hash.Write(p[:n]) // a hash never fails
		c.hashed += int64(n)
		if c.differs(err) {
			c.mismatch = fault.New(fault.Corrupt, "content of blob %s changed while it was being stored", c.blob.Digest)
			return 0, c.mismatch
		}
	}
	c.at += int64(n)
	return n, err
}

// differs reports that the end was reached, or passed, with other bytes than promised.
func (c *checkedBody) differs(err error) bool {
	switch {
	case c.hashed > c.blob.SizeBytes:
		return true
	case c.hashed == c.blob.SizeBytes:
		return spec.DigestOf([32]byte(c.hash.Sum(nil))) != c.blob.Digest
	}
	return errors.Is(err, io.EOF)
}

func (c *checkedBody) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		offset += c.start
	}
	at, err := c.body.Seek(offset, whence)
	if err != nil {
		return 0, err
	}
	c.at = at - c.start
	if c.at == 0 {
		c.hash.Reset()
		c.hashed = 0
	}
	return c.at, nil
}
