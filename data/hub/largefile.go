package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"elara/spec/fault"
)

// lfsAnswer is what the large-file storage answers to a batch: where each object goes, or nothing where it has it. See
// https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md; the hub adds a transfer in parts.
type lfsAnswer struct {
	Objects []lfsObject `json:"objects"`
}

type lfsObject struct {
	OID     string `json:"oid"`
	Actions struct {
		Upload, Verify *lfsAction
	} `json:"actions"`
	Error *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

type lfsAction struct {
	Href   string            `json:"href"`
	Header map[string]string `json:"header"` // of a transfer in parts: chunk_size, and an address for each part by its number
}

// sendObject sends one large file, unless the storage has it. progress is told how much of it has arrived before the end.
func (c *Client) sendObject(ctx context.Context, about subject, f *sent, o lfsObject, progress func(done int64)) error {
	if o.Error != nil {
		return fault.New(fault.Invalid, "%s: the hub does not take it: %s (%d)", about, o.Error.Message, o.Error.Code)
	}
	upload := o.Actions.Upload
	if upload == nil { // an earlier try, or another repository, has sent it
		return nil
	}
	var err error
	if chunk := upload.Header["chunk_size"]; chunk != "" {
		err = c.sendParts(ctx, about, f, *upload, chunk, progress)
	} else {
		_, err = c.put(ctx, about, upload.Href, f, 0, f.size)
	}
	if err != nil || o.Actions.Verify == nil {
		return err
	}
	return c.exchange(ctx, about, o.Actions.Verify.Href, jsonType, map[string]any{"oid": f.sha256, "size": f.size}, nil)
}

// sendParts sends a file in pieces of the size that the hub asks for, each tried again on its own, and completes it with
// the tags that the storage gave for them.
func (c *Client) sendParts(ctx context.Context, about subject, f *sent, upload lfsAction, chunk string, progress func(done int64)) error {
	size, err := strconv.ParseInt(chunk, 10, 64)
	if err != nil || size <= 0 {
		return fault.New(fault.Corrupt, "%s: the hub asks for parts of %q bytes, expected a number", about, chunk)
	}
	addresses := map[int64]string{}
	for number, address := range upload.Header {
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			addresses[n] = address
		}
	}
	type part struct {
		Number int64  `json:"partNumber"`
		Tag    string `json:"etag"`
	}
	complete := struct {
		OID   string `json:"oid"`
		Parts []part `json:"parts"`
	}{OID: f.sha256}
	for number, from := int64(1), int64(0); from < f.size; number, from = number+1, from+size {
		address, found := addresses[number]
		if !found {
			return fault.New(fault.Corrupt, "%s: the hub gives no address for part %d of %d bytes each", about, number, size)
		}
		length := min(size, f.size-from)
		tag, err := c.put(ctx, about, address, f, from, length)
		if err != nil {
			return err
		}
		if tag == "" {
			return fault.New(fault.Corrupt, "%s: the storage gives no tag for part %d", about, number)
		}
		complete.Parts = append(complete.Parts, part{number, tag})
		if arrived := from + length; arrived < f.size {
			progress(arrived)
		}
	}
	return c.exchange(ctx, about, upload.Href, lfsType, complete, nil)
}

// put sends a piece of a file to an address, and gives its tag. It does not wait for a host that has stopped taking bytes.
func (c *Client) put(ctx context.Context, about subject, address string, f *sent, from, length int64) (tag string, err error) {
	err = c.retry(ctx, func() error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		stalled := c.endWhenStalled(about, cancel)
		defer stalled.Stop()
		response, err := c.send(ctx, request{method: http.MethodPut, url: address, about: about, body: &body{
			size: length, mediaType: binaryType,
			open: func() (io.ReadCloser, error) {
				file, err := os.Open(f.path)
				if err != nil {
					return nil, onDisk(err)
				}
				return section{io.NewSectionReader(file, from, length), file, stalled, c.patience}, nil
			},
		}})
		if err != nil {
			return err
		}
		tag = response.Header.Get("ETag")
		return response.Body.Close()
	})
	return tag, err
}

// section is a piece of an open file on its way: each read of it means that the host has taken what was read before.
type section struct {
	*io.SectionReader
	file     *os.File
	stalled  *time.Timer
	patience Patience
}

func (s section) Read(p []byte) (int, error) {
	n, err := s.SectionReader.Read(p)
	left := s.patience.Stall
	if err != nil {
		left += s.patience.Answer // after the last bytes comes the answer
	}
	s.stalled.Reset(left)
	return n, err
}

func (s section) Close() error { return s.file.Close() }

// digests gives a file's size, its SHA-256, and git's name for it.
func digests(path string) (size int64, sha, git string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, "", "", onDisk(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return 0, "", "", onDisk(err)
	}
	whole, named := sha256.New(), sha1.New()
	_, _ = fmt.Fprintf(named, "blob %d\x00", info.Size()) // a hash takes all
	if _, err := io.Copy(io.MultiWriter(whole, named), file); err != nil {
		return 0, "", "", onDisk(err)
	}
	return info.Size(), hex.EncodeToString(whole.Sum(nil)), hex.EncodeToString(named.Sum(nil)), nil
}
