package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"elara/spec/fault"
)

// errStalled ends a transfer in which nothing moves.
var errStalled = errors.New("nothing moved for too long")

// transfer brings one file of a commit into the cache.
type transfer struct {
	client *Client
	layout layout
	about  subject
	commit string
	said   metadata
	moved  func(total int64) // called with the bytes of the file that are there
}

// run makes the blob under its lock, where it is not there, and links it into the snapshot.
func (t *transfer) run(ctx context.Context) (err error) {
	unlock, err := t.client.lock(ctx, t.layout.lock(t.said.etag))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	blob := t.layout.blob(t.said.etag)
	info, err := os.Stat(blob)
	if err != nil || t.said.size >= 0 && info.Size() != t.said.size {
		if err := t.fetch(ctx, blob); err != nil {
			return err
		}
	} else {
		t.moved(info.Size())
	}
	return t.layout.link(t.commit, t.about.file, t.said.etag)
}

// fetch goes on with what an earlier try left. If that turns out wrong, the left-over may be to blame: it is thrown away,
// and the file is fetched once more from its beginning.
func (t *transfer) fetch(ctx context.Context, blob string) error {
	if err := os.MkdirAll(filepath.Dir(blob), 0o777); err != nil {
		return onDisk(err)
	}
	partial := blob + ".incomplete"
	left, err := os.Stat(partial)
	resumed := err == nil && left.Size() > 0
	for {
		if err := t.fill(ctx, partial); err != nil {
			return err
		}
		err := verify(t.about, partial, t.said)
		if err == nil {
			return onDisk(os.Rename(partial, blob))
		}
		if !fault.Is(err, fault.Corrupt) {
			return err
		}
		if err := errors.Join(err, os.Remove(partial)); !resumed {
			return err
		}
		resumed = false
	}
}

// fill brings the partial file to its full size. As long as bytes come, it does not give up.
func (t *transfer) fill(ctx context.Context, partial string) (err error) {
	file, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return onDisk(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	best := int64(-1)
	for failures := 0; ; {
		reached, err := t.try(ctx, file)
		if err == nil {
			return onDisk(file.Sync())
		}
		var passing transient
		if !errors.As(err, &passing) {
			return err
		}
		if reached > best {
			best, failures = reached, 0
		}
		if failures++; failures >= t.client.patience.Tries {
			return err
		}
		if err := t.client.pause(ctx, failures, passing); err != nil {
			return err
		}
		if err := t.renew(ctx); err != nil {
			return err
		}
	}
}

// renew asks again where the bytes are: links to them expire.
func (t *transfer) renew(ctx context.Context) error {
	return t.client.retry(ctx, func() error {
		said, err := t.client.describe(ctx, t.about, t.commit)
		if err != nil {
			return err
		}
		if said.etag != t.said.etag {
			return fault.New(fault.Corrupt, "%s: the hub gave the ETag %q before and %q now, for one commit", t.about, t.said.etag, said.etag)
		}
		t.said = said
		return nil
	})
}

// try makes one request for what is missing, and gives the size that the file has reached.
func (t *transfer) try(ctx context.Context, file *os.File) (int64, error) {
	at, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, onDisk(err)
	}
	if t.said.size >= 0 && at > t.said.size {
		if at, err = restart(file); err != nil {
			return 0, err
		}
	}
	if at == t.said.size {
		t.moved(at)
		return at, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	response, err := t.client.send(ctx, request{method: http.MethodGet, url: t.said.location, from: at, about: t.about})
	if err != nil {
		return at, t.unsatisfiable(err, file)
	}
	defer func() { _ = response.Body.Close() }() // what has been read counts, and is checked by its digest
	if at > 0 && !strings.HasPrefix(response.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", at)) {
		if response.StatusCode == http.StatusPartialContent {
			return at, fault.New(fault.Corrupt, "%s: %s answers with another part than the one from byte %d", t.about, response.Request.URL.Host, at)
		}
		if at, err = restart(file); err != nil { // the host sends the whole file, whatever it was asked for
			return 0, err
		}
	}
	return t.receive(ctx, cancel, file, at, response)
}

// receive writes a body to the end of the file.
func (t *transfer) receive(ctx context.Context, cancel context.CancelCauseFunc, file *os.File, at int64, response *http.Response) (int64, error) {
	stalled := t.client.endWhenStalled(t.about, cancel)
	defer stalled.Stop()
	piece := make([]byte, 256<<10)
	for {
		n, err := response.Body.Read(piece)
		stalled.Reset(t.client.patience.Stall)
		if t.said.size >= 0 && at+int64(n) > t.said.size {
			return at, fault.New(fault.Corrupt, "%s: more than the expected %d bytes came", t.about, t.said.size)
		}
		if _, err := file.Write(piece[:n]); err != nil {
			return at, onDisk(err)
		}
		at += int64(n)
		t.moved(at)
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil:
			return at, context.Cause(ctx)
		case !errors.Is(err, io.EOF):
			return at, unreachable(t.about, response.Request.URL, err)
		case t.said.size >= 0 && at < t.said.size:
			return at, unreachable(t.about, response.Request.URL, fmt.Errorf("the body ends after %d of %d bytes", at, t.said.size))
		}
		return at, nil
	}
}

// unsatisfiable drops what is there when the host has no bytes beyond it: then it belongs to another file.
func (t *transfer) unsatisfiable(err error, file *os.File) error {
	var answer statusError
	if !errors.As(err, &answer) || answer.status != http.StatusRequestedRangeNotSatisfiable {
		return err
	}
	if _, err := restart(file); err != nil {
		return err
	}
	return transient{error: err}
}

// restart empties the file.
func restart(file *os.File) (int64, error) {
	if err := file.Truncate(0); err != nil {
		return 0, onDisk(err)
	}
	_, err := file.Seek(0, io.SeekStart)
	return 0, onDisk(err)
}
