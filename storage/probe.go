package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"elara/spec/fault"
)

const probeHint = "Elara needs an S3 endpoint that honours If-None-Match: * and If-Match on PutObject; without them " +
	"two workers can overwrite each other's checkpoints: use another endpoint, or the embedded one"

// Probe writes, reads and removes one small object under "probe/" and refuses, as Invalid, a store that ignores
// conditions or reads back stale data. Call it once after opening and before the first run.
func Probe(ctx context.Context, store Store) (err error) {
	p := prober{ctx: ctx, store: store, key: "probe/" + rand.Text()}
	defer func() {
		removal := store.Delete(context.WithoutCancel(ctx), p.key)
		if err == nil && removal != nil {
			err = fmt.Errorf("probe: remove %q: %w", p.key, removal)
		}
	}()
	first, err := p.stored("create with If-None-Match: *", "first", IfAbsent())
	if err != nil {
		return err
	}
	if err := p.refused("create again with If-None-Match: *", IfAbsent()); err != nil {
		return err
	}
	second, err := p.stored("replace with If-Match of the current ETag", "second", IfMatch(first.ETag))
	if err != nil {
		return err
	}
	if err := p.refused("replace with If-Match of a former ETag", IfMatch(first.ETag)); err != nil {
		return err
	}
	return p.readBack("second", second.ETag)
}

type prober struct {
	ctx   context.Context
	store Store
	key   string
}

// stored expects the store to accept content.
func (p prober) stored(tried, content string, condition Condition) (Info, error) {
	info, err := PutBytes(p.ctx, p.store, p.key, []byte(content), condition)
	if err != nil {
		return Info{}, p.failed(tried, err)
	}
	return info, nil
}

// refused expects the store to answer Conflict.
func (p prober) refused(tried string, condition Condition) error {
	_, err := PutBytes(p.ctx, p.store, p.key, []byte("must never be seen"), condition)
	switch {
	case err == nil:
		return fault.WithHint(fault.New(fault.Invalid, "probe: the store accepted what it must refuse: %s", tried), probeHint)
	case !fault.Is(err, fault.Conflict):
		return p.failed(tried, err)
	}
	return nil
}

func (p prober) readBack(content, etag string) error {
	got, info, err := ReadAll(p.ctx, p.store, p.key)
	if err != nil {
		return p.failed("read back", err)
	}
	if string(got) != content || info.ETag != etag {
		return fault.WithHint(fault.New(fault.Invalid, "probe: read back %q with ETag %s right after writing %q with ETag %s",
			got, info.ETag, content, etag), probeHint)
	}
	return nil
}

// failed says which step failed. A refusal without reason (a Conflict where none was due, a header that is not
// implemented) means that the endpoint does not know conditions: that is Invalid, not something to try again.
func (p prober) failed(tried string, err error) error {
	if p.ctx.Err() != nil || fault.Is(err, fault.Transient) {
		return fault.New(fault.Transient, "probe: %s: %w", tried, err)
	}
	var known *fault.Error
	if errors.As(err, &known) && known.Hint != "" {
		return fault.New(fault.Invalid, "probe: %s: %w", tried, err) // it already says what to do
	}
	return fault.WithHint(fault.New(fault.Invalid, "probe: %s: %w", tried, err), probeHint)
}
