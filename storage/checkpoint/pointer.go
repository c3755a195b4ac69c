package checkpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
)

const pointerFormat = 1

// pointer is the content of latest.json: who held the lease, one after another, and how far each has come. Every
// change to it is made under If-Match, so its versions form one line; that line is the truth about a training.
type pointer struct {
	Format  int              `json:"format"`
	Run     spec.RunID       `json:"run"`
	Adapter spec.AdapterName `json:"adapter"`
	Job     spec.Digest      `json:"job"`
	Grants  []Grant          `json:"grants"` // token i+1 at index i
}

// Grant is one holding of the lease. A settled grant owns the steps after From up to To.
type Grant struct {
	Token   int64  `json:"token"`
	Holder  string `json:"holder"`
	Nonce   string `json:"nonce"`      // makes every version of the pointer unlike every other
	Settled bool   `json:"settled"`    // From is known; until then the holder is looking for the newest checkpoint
	From    int64  `json:"from"`       // step it resumed from; 0: the beginning
	FromOf  int64  `json:"from_token"` // token of the manifest it resumed from; 0: the beginning
	To      int64  `json:"to"`         // newest step it committed; From when none
}

// inChain reports whether the checkpoint at a step, committed under a token, belongs to the one chain that the grants
// tell: its holder committed it, and every later holder resumed from it or from a later one. The text says why not.
func (p pointer) inChain(step, token int64) (bool, string) {
	if token > int64(len(p.Grants)) {
		return false, fmt.Sprintf("token %d was never granted", token)
	}
	grant := p.Grants[token-1]
	if !grant.Settled || step <= grant.From || step > grant.To {
		return false, fmt.Sprintf("token %d did not commit step %d", token, step)
	}
	for _, later := range p.Grants[token:] {
		if later.Settled && later.From < step {
			return false, fmt.Sprintf("token %d went on from step %d", later.Token, later.From)
		}
	}
	return true, ""
}

// read fetches the pointer. Without one, found is false and nothing was ever committed here.
func read(ctx context.Context, store storage.Store, run spec.RunID, adapter spec.AdapterName) (p pointer, etag string, found bool, err error) {
	key := PointerKey(run, adapter)
	content, info, err := storage.ReadAll(ctx, store, key)
	if fault.Is(err, fault.NotFound) {
		return pointer{Format: pointerFormat, Run: run, Adapter: adapter}, "", false, nil
	}
	if err != nil {
		return pointer{}, "", false, fmt.Errorf("read pointer %q: %w", key, err)
	}
	p, err = decodePointer(content)
	if err == nil && (p.Run != run || p.Adapter != adapter) {
		err = fault.New(fault.Corrupt, "it belongs to %s/%s", p.Run, p.Adapter)
	}
	if err != nil {
		return pointer{}, "", false, fault.WithHint(fmt.Errorf("read pointer %q: %w", key, err),
			"the history of this training is lost: start it again under another run ID")
	}
	return p, info.ETag, true, nil
}

func decodePointer(content []byte) (pointer, error) {
	var p pointer
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return pointer{}, fault.New(fault.Corrupt, "not a pointer: %w", err)
	}
	if p.Format != pointerFormat {
		return pointer{}, fault.New(fault.Corrupt, "pointer format %d, expected %d", p.Format, pointerFormat)
	}
	for i, grant := range p.Grants {
		if grant.Token != int64(i+1) || grant.From < 0 || grant.To < grant.From {
			return pointer{}, fault.New(fault.Corrupt, "grant %d is inconsistent: %+v", i+1, grant)
		}
	}
	return p, nil
}

// write replaces the pointer under the condition that it is still the version with etag ("": that there is none), and
// gives the new ETag. The nonce of the last grant, which is known to its holder alone, tells its bytes from all others.
func (p pointer) write(ctx context.Context, store storage.Store, etag string) (string, error) {
	content, err := json.Marshal(p)
	if err != nil {
		return "", fault.New(fault.Invalid, "write pointer: %w", err)
	}
	condition := storage.IfAbsent()
	if etag != "" {
		condition = storage.IfMatch(etag)
	}
	key := PointerKey(p.Run, p.Adapter)
	info, err := storage.Replace(ctx, store, key, content, condition)
	if fault.Is(err, fault.NotFound) {
		return "", fault.New(fault.Corrupt, "pointer %q is gone: somebody removed it", key)
	}
	return info.ETag, err
}
