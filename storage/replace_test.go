package storage_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
	"elara/storage"
	"elara/storage/faulty"
	"elara/storage/mem"
)

func TestReplaceSettlesAnUnknownOutcome(t *testing.T) {
	const key = "pointers/a.json"
	lost, refused := faulty.Unavailable(), fault.New(fault.Conflict, "it was changed")
	isThere := func(t *testing.T, store storage.Store) storage.Condition {
		info, err := storage.PutBytes(t.Context(), store, key, []byte("before"), storage.Always())
		require.NoError(t, err)
		return storage.IfMatch(info.ETag)
	}
	isOther := func(t *testing.T, store storage.Store) storage.Condition {
		condition := isThere(t, store)
		_, err := storage.PutBytes(t.Context(), store, key, []byte("another"), storage.Always())
		require.NoError(t, err)
		return condition
	}
	isGone := func(t *testing.T, store storage.Store) storage.Condition {
		condition := isThere(t, store)
		require.NoError(t, store.Delete(t.Context(), key))
		return condition
	}
	absent := func(*testing.T, storage.Store) storage.Condition { return storage.IfAbsent() }
	taken := func(t *testing.T, store storage.Store) storage.Condition {
		isThere(t, store)
		return storage.IfAbsent()
	}
	always := func(t *testing.T, store storage.Store) storage.Condition { isThere(t, store); return storage.Always() }
	for name, test := range map[string]struct {
		before func(*testing.T, storage.Store) storage.Condition
		put    faulty.Fault
		look   faulty.Fault
		want   fault.Kind
	}{
		"it is new":                         {before: absent},
		"new, the answer is lost":           {before: absent, put: faulty.Fault{After: lost}},
		"new, it did not happen":            {before: absent, put: faulty.Fault{Before: lost}, want: fault.Transient},
		"another was there first":           {before: taken, want: fault.Conflict},
		"the answer is lost":                {before: isThere, put: faulty.Fault{After: lost}},
		"a retry met its own first attempt": {before: isThere, put: faulty.Fault{After: refused}},
		"it did not happen":                 {before: isThere, put: faulty.Fault{Before: lost}, want: fault.Transient},
		"refused, and nobody else was it":   {before: isThere, put: faulty.Fault{Before: refused}, want: fault.Transient},
		"nobody can look":                   {before: isThere, put: faulty.Fault{After: refused}, look: faulty.Fault{Before: lost}, want: fault.Transient},
		"another was first":                 {before: isOther, want: fault.Conflict},
		"another came, the answer is lost":  {before: isOther, put: faulty.Fault{Before: lost}, want: fault.Conflict},
		"it is gone":                        {before: isGone, want: fault.NotFound},
		"whatever is there":                 {before: always, put: faulty.Fault{After: lost}},
		"whatever is there stays there":     {before: always, put: faulty.Fault{Before: lost}, want: fault.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			store := mem.New()
			condition := test.before(t, store)
			shaky := faulty.New(store, func(op faulty.Op) faulty.Fault {
				if op.Kind == faulty.Put {
					return test.put
				}
				return test.look
			})
			info, err := storage.Replace(t.Context(), shaky, key, []byte("after"), condition)
			require.Equal(t, test.want, fault.KindOf(err), "%v", err)
			if err != nil {
				return
			}
			held, at, err := storage.ReadAll(t.Context(), store, key)
			require.NoError(t, err)
			require.Equal(t, "after", string(held))
			require.Equal(t, at.ETag, info.ETag)
		})
	}
}
