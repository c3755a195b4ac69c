package faulty_test

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
	"elara/storage"
	"elara/storage/faulty"
	"elara/storage/mem"
	"elara/storage/storagetest"
)

func TestContractWithoutFaults(t *testing.T) {
	storagetest.Run(t, func(*testing.T) storage.Store { return faulty.New(mem.New(), nil) })
}

func put(t *testing.T, s storage.Store, content string, condition storage.Condition) error {
	t.Helper()
	_, err := storage.PutBytes(t.Context(), s, "a", []byte(content), condition)
	return err
}

func content(t *testing.T, s storage.Store) string {
	t.Helper()
	got, _, err := storage.ReadAll(t.Context(), s, "a")
	if fault.Is(err, fault.NotFound) {
		return "nothing"
	}
	require.NoError(t, err)
	return string(got)
}

func TestAFaultBeforeLeavesTheStoreAlone(t *testing.T) {
	inner := mem.New()
	s := faulty.New(inner, faulty.DieBefore(2))
	require.NoError(t, put(t, s, "first", storage.Always()))
	require.Equal(t, fault.Transient, fault.KindOf(put(t, s, "second", storage.Always())))
	require.Error(t, s.Delete(t.Context(), "a"))
	require.Equal(t, "first", content(t, inner))
	require.Equal(t, []faulty.Op{{Number: 1, Kind: faulty.Put, Key: "a"}, {Number: 2, Kind: faulty.Put, Key: "a"},
		{Number: 3, Kind: faulty.Delete, Key: "a"}}, s.Ops())
}

func TestAFaultAfterHidesASuccess(t *testing.T) {
	inner := mem.New()
	s := faulty.New(inner, faulty.DieAfter(1))
	require.Equal(t, fault.Transient, fault.KindOf(put(t, s, "first", storage.Always())))
	require.Error(t, put(t, s, "second", storage.Always()))
	require.Equal(t, "first", content(t, inner))
}

func TestAFaultOnceIsFollowedByNormality(t *testing.T) {
	inner := mem.New()
	s := faulty.New(inner, faulty.Once(1, faulty.Fault{Before: faulty.Unavailable()}))
	require.Error(t, put(t, s, "first", storage.Always()))
	require.Equal(t, "nothing", content(t, inner))
	require.NoError(t, put(t, s, "second", storage.Always()))
	require.Equal(t, "second", content(t, inner))
}

func TestABodyCanBeChangedAndCut(t *testing.T) {
	inner := mem.New()
	require.NoError(t, put(t, inner, "whole", storage.Always()))
	cut := errors.New("connection reset")
	s := faulty.New(inner, faulty.Once(1, faulty.Fault{
		Body: func(body []byte) []byte { return body[:2] }, BodyError: cut,
	}))
	body, info, err := s.Get(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, int64(5), info.SizeBytes)
	got, err := io.ReadAll(body)
	require.Equal(t, "wh", string(got))
	require.ErrorIs(t, err, cut)
}

func TestAPausedPutTakesPlaceAfterItsPause(t *testing.T) {
	inner := mem.New()
	resume := make(chan struct{})
	s := faulty.New(inner, faulty.Once(1, faulty.Fault{Wait: resume}))
	done := make(chan error)
	go func() { done <- put(t, s, "paused", storage.Always()) }()
	require.NoError(t, put(t, inner, "meanwhile", storage.Always()))
	require.Equal(t, "meanwhile", content(t, inner))
	close(resume)
	require.NoError(t, <-done)
	require.Equal(t, "paused", content(t, inner))
}

func TestProbeRefusesAStoreThatIgnoresConditions(t *testing.T) {
	for _, test := range []struct {
		name string
		plan faulty.Plan
		says string
	}{
		{"all of them", func(faulty.Op) faulty.Fault { return faulty.Fault{IgnoreConditions: true} }, "accepted what it must refuse: create again with If-None-Match"},
		{"If-Match", faulty.Once(4, faulty.Fault{IgnoreConditions: true}), "accepted what it must refuse: replace with If-Match of a former ETag"},
		{"by an error of its own", faulty.Once(1, faulty.Fault{Before: fault.New(fault.Invalid, "501 not implemented")}), "create with If-None-Match"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inner := mem.New()
			err := storage.Probe(t.Context(), faulty.New(inner, test.plan))
			require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
			require.ErrorContains(t, err, test.says)
			require.ErrorContains(t, err, "use another endpoint")
			for info, err := range inner.List(t.Context(), "") {
				require.NoError(t, err)
				t.Fatalf("the probe left %s behind", info.Key)
			}
		})
	}
}

func TestProbeRefusesStaleReads(t *testing.T) {
	s := faulty.New(mem.New(), faulty.Once(5, faulty.Fault{Body: func([]byte) []byte { return []byte("frozen") }}))
	err := storage.Probe(t.Context(), s)
	require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
	require.ErrorContains(t, err, `read back "frozen"`)
}

func TestProbeTellsAnOutageFromARefusal(t *testing.T) {
	for n := 1; n <= 5; n++ {
		err := storage.Probe(t.Context(), faulty.New(mem.New(), faulty.Once(n, faulty.Fault{Before: faulty.Unavailable()})))
		require.Equal(t, fault.Transient, fault.KindOf(err), "operation %d: %v", n, err)
	}
}
