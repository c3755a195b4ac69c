package s3_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
	"elara/storage"
	"elara/storage/s3"
)

// answering opens a store on a server that answers HeadBucket and leaves the rest to the handler.
func answering(t *testing.T, handler http.HandlerFunc) storage.Store {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && strings.Count(strings.Trim(r.URL.Path, "/"), "/") == 0 {
			return
		}
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	store, err := s3.Open(t.Context(), s3.Options{
		Endpoint: server.URL, Bucket: "elara", PathStyle: true, AccessKey: "known", SecretKey: "secret-words", MaxAttempts: 2,
	})
	require.NoError(t, err)
	return store
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>told by the server</Message></Error>`, code)
}

func TestAnswersOfTheServerBecomeKindsAndHints(t *testing.T) {
	for _, test := range []struct {
		status int
		code   string
		kind   fault.Kind
		says   string
	}{
		{404, "NoSuchKey", fault.NotFound, `get "a/b"`},
		{404, "NoSuchBucket", fault.Invalid, `bucket "elara" at http://127.0.0.1`},
		{403, "AccessDenied", fault.Invalid, "check the keys, the bucket's policy, and the clock"},
		{403, "RequestTimeTooSkewed", fault.Invalid, "set the clock"},
		{403, "SignatureDoesNotMatch", fault.Invalid, "check both"},
		{403, "InvalidAccessKeyId", fault.Invalid, "check both"},
		{400, "ExpiredToken", fault.Invalid, "renew the credentials"},
		{301, "PermanentRedirect", fault.Invalid, `is in another region than "us-east-1": set its region to "eu-west-3"`},
		{400, "AuthorizationHeaderMalformed", fault.Invalid, `set its region to "eu-west-3"`},
		{409, "OperationAborted", fault.Conflict, ""},
		{412, "PreconditionFailed", fault.Conflict, ""},
		{429, "TooManyRequests", fault.Transient, ""},
		{500, "InternalError", fault.Transient, ""},
		{501, "NotImplemented", fault.Invalid, "does not know a part of the request"},
		{503, "SlowDown", fault.Transient, ""},
		{400, "RequestTimeout", fault.Transient, ""},
		{400, "BadDigest", fault.Transient, ""},
		{400, "InvalidArgument", fault.Invalid, "told by the server"},
	} {
		t.Run(test.code, func(t *testing.T) {
			store := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Amz-Bucket-Region", "eu-west-3")
				refuse(w, test.status, test.code)
			})
			_, _, err := store.Get(t.Context(), "a/b")
			require.Equal(t, test.kind, fault.KindOf(err), "%v", err)
			require.ErrorContains(t, err, test.says)
			require.NotContains(t, err.Error(), "secret-words")
		})
	}
}

func TestABriefOutageIsOvercome(t *testing.T) {
	var requests atomic.Int32
	store := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			refuse(w, http.StatusServiceUnavailable, "SlowDown")
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "content" {
			refuse(w, http.StatusBadRequest, "InvalidArgument")
			return
		}
		w.Header().Set("ETag", `"tag"`)
	})
	info, err := storage.PutBytes(t.Context(), store, "a", []byte("content"), storage.IfAbsent())
	require.NoError(t, err)
	require.Equal(t, "tag", info.ETag)
	require.Equal(t, int32(2), requests.Load(), "the body was sent twice, whole")
}

func TestConditionsTravelAsHeaders(t *testing.T) {
	var ifMatch, ifNoneMatch string
	store := answering(t, func(w http.ResponseWriter, r *http.Request) {
		ifMatch, ifNoneMatch = r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
		w.Header().Set("ETag", `"tag"`)
	})
	for _, test := range []struct {
		condition            storage.Condition
		ifMatch, ifNoneMatch string
	}{{storage.Always(), "", ""}, {storage.IfAbsent(), "", "*"}, {storage.IfMatch("abc"), `"abc"`, ""}} {
		_, err := storage.PutBytes(t.Context(), store, "a", []byte("x"), test.condition)
		require.NoError(t, err)
		require.Equal(t, []string{test.ifMatch, test.ifNoneMatch}, []string{ifMatch, ifNoneMatch})
	}
}

func TestABodyThatBreaksOffIsTransient(t *testing.T) {
	store := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Header().Set("ETag", `"tag"`)
		_, _ = w.Write([]byte("only this"))
	})
	_, _, err := storage.ReadAll(t.Context(), store, "a")
	require.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
}

func TestABodyThatBeliesItsChecksumIsTransient(t *testing.T) {
	store := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Checksum-Crc32", "AAAAAA==")
		w.Header().Set("ETag", `"tag"`)
		_, _ = w.Write([]byte("flipped on its way"))
	})
	_, _, err := storage.ReadAll(t.Context(), store, "a")
	require.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "checksum")
}

func TestAServerThatIgnoresConditionsIsRefusedAtTheStart(t *testing.T) {
	var held atomic.Value
	store := answering(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"always the same"`)
		if r.Method == http.MethodPut {
			body, _ := io.ReadAll(r.Body)
			held.Store(body)
			return
		}
		if body, ok := held.Load().([]byte); ok {
			_, _ = w.Write(body)
		}
	})
	err := storage.Probe(t.Context(), store)
	require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "the store accepted what it must refuse: create again with If-None-Match: *")
}

func TestAServerThatCannotBeReachedIsTransient(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := s3.Open(t.Context(), s3.Options{Endpoint: server.URL, Bucket: "elara", AccessKey: "known", SecretKey: "x", PathStyle: true, MaxAttempts: 1})
	require.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "connection refused")
}

func TestACancelledRequestKeepsItsReason(t *testing.T) {
	begun := make(chan struct{})
	store := answering(t, func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	_, _, err := store.Get(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, fault.KindOf(err))
}

func TestBadOptionsAreRefused(t *testing.T) {
	for _, test := range []struct {
		says   string
		change func(*s3.Options)
	}{
		{"no bucket", func(o *s3.Options) { o.Bucket = "" }},
		{"expected a URL", func(o *s3.Options) { o.Endpoint = "127.0.0.1:9000" }},
		{"expected a URL", func(o *s3.Options) { o.Endpoint = "ftp://127.0.0.1" }},
		{"carries credentials", func(o *s3.Options) { o.Endpoint = "http://user:hidden@127.0.0.1" }},
		{"prefix", func(o *s3.Options) { o.Prefix = "../up" }},
		{"both or neither", func(o *s3.Options) { o.SecretKey = "" }},
		{"session token", func(o *s3.Options) { o.AccessKey, o.SecretKey, o.SessionToken = "", "", "x" }},
		{"parts of 1 bytes", func(o *s3.Options) { o.PartBytes = 1 }},
		{"0 or more", func(o *s3.Options) { o.MaxAttempts = -1 }},
	} {
		o := s3.Options{Endpoint: "http://127.0.0.1:1", Bucket: "elara", AccessKey: "known", SecretKey: "secret-words"}
		test.change(&o)
		_, err := s3.Open(t.Context(), o)
		require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
		require.ErrorContains(t, err, test.says)
		require.NotContains(t, err.Error(), "hidden")
	}
}
