package hub

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

func TestRefusalsSayWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		headers map[string]string
		token   string
		kind    fault.Kind
		want    string // HUB stands for the endpoint
	}{
		"missing": {404, map[string]string{"X-Error-Code": "RepoNotFound"}, "hf_secret", fault.NotFound,
			`there is no model "acme/tiny-gpt2" on HUB, or it is private and the token may not read it (expected owner/name as on the hub, and HF_TOKEN for a private model)`},
		"missing or private, without a token": {401, map[string]string{"X-Error-Code": "RepoNotFound"}, "", fault.NotFound,
			`there is no model "acme/tiny-gpt2" on HUB, or it is private and no token is set (expected owner/name as on the hub, and HF_TOKEN for a private model)`},
		"plain 401": {401, nil, "", fault.NotFound,
			`there is no model "acme/tiny-gpt2" on HUB, or it is private and no token is set (expected owner/name as on the hub, and HF_TOKEN for a private model)`},
		"gated": {403, map[string]string{"X-Error-Code": "GatedRepo"}, "", fault.Invalid,
			`model "acme/tiny-gpt2" is gated, and no token is set (accept its terms at HUB/acme/tiny-gpt2, and set HF_TOKEN to a token that may read it)`},
		"revision": {404, map[string]string{"X-Error-Code": "RevisionNotFound"}, "", fault.NotFound,
			`model "acme/tiny-gpt2" has no revision "main" on HUB`},
		"bad token": {401, map[string]string{"X-Error-Message": "Invalid credentials in Authorization header"}, "hf_secret", fault.Invalid,
			`HUB refuses the token (set HF_TOKEN to a valid one, or unset it)`},
		"forbidden": {403, nil, "hf_secret", fault.Invalid,
			`HUB does not allow to read model "acme/tiny-gpt2": the token may not read it (HF_TOKEN needs the right to read this repository)`},
		"disabled": {403, map[string]string{"X-Error-Message": "Access to this resource is disabled."}, "", fault.NotFound,
			`model "acme/tiny-gpt2" is disabled on HUB`},
		"strange": {418, nil, "", fault.Invalid, `fetch acme/tiny-gpt2@main: HOST answers with status 418`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			h.meddle = func(w http.ResponseWriter, _ *http.Request) bool {
				for key, v := range c.headers {
					w.Header().Set(key, v)
				}
				w.WriteHeader(c.status)
				return true
			}
			client, waits := h.client(t, func(s *Settings) { s.Token = NewToken(c.token) })
			_, err := client.Fetch(t.Context(), parseName(t, h.repo), nil)
			require.EqualError(t, err, strings.NewReplacer("HUB", h.URL, "HOST", strings.TrimPrefix(h.URL, "http://")).Replace(c.want))
			require.Equal(t, c.kind, fault.KindOf(err))
			require.Empty(t, *waits, "waiting does not help")
			require.NotContains(t, err.Error(), "hf_secret")
		})
	}
}

func TestMissingFileIsNamed(t *testing.T) {
	h := newHub(t)
	h.meddle = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/merges.txt") {
			refuse(w, http.StatusNotFound, "EntryNotFound")
			return true
		}
		return false
	}
	c, _ := h.client(t)
	_, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.EqualError(t, err, `model "acme/tiny-gpt2@main" has no file "merges.txt" on `+h.URL)
	require.True(t, fault.Is(err, fault.NotFound))
}

func TestBusyHubIsAskedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		headers map[string]string
		status  int
		want    []time.Duration
	}{
		"twice as long each time":        {nil, 503, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 8 * time.Second}},
		"as long as it asks":             {map[string]string{"Retry-After": "17"}, 429, []time.Duration{18 * time.Second, 18 * time.Second, 18 * time.Second, 18 * time.Second, 18 * time.Second}},
		"until the limit is lifted":      {map[string]string{"RateLimit": `"api";r=0;t=55`, "Retry-After": "3"}, 429, []time.Duration{56 * time.Second, 56 * time.Second, 56 * time.Second, 56 * time.Second, 56 * time.Second}},
		"not by a limit that is not met": {map[string]string{"RateLimit": `"api";r=10;t=55`}, 429, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 8 * time.Second}},
		"but not for hours":              {map[string]string{"Retry-After": "7200"}, 429, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			left := len(c.want)
			h.meddle = func(w http.ResponseWriter, _ *http.Request) bool {
				if left == 0 && len(c.want) > 0 {
					return false
				}
				left--
				for key, v := range c.headers {
					w.Header().Set(key, v)
				}
				w.WriteHeader(c.status)
				return true
			}
			client, waits := h.client(t)
			_, err := client.Fetch(t.Context(), parseName(t, h.repo), nil)
			if len(c.want) == 0 {
				require.True(t, fault.Is(err, fault.Transient), "%v", err)
				require.ErrorContains(t, err, "answers with status 429")
				require.Empty(t, *waits)
				return
			}
			require.NoError(t, err, "the sixth try succeeds")
			require.Equal(t, c.want, *waits)
		})
	}
}

func TestHubThatStaysDownIsTransient(t *testing.T) {
	h := newHub(t)
	c, waits := h.client(t)
	h.Close()
	_, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.ErrorContains(t, err, "fetch acme/tiny-gpt2@main: no answer from 127.0.0.1:")
	require.True(t, fault.Is(err, fault.Transient))
	require.Len(t, *waits, 5)
}

func TestHubThatAnswersTooSlowlyIsTransient(t *testing.T) {
	for name, head := range map[string]string{"no head": "", "no body": "{"} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			h.meddle = func(w http.ResponseWriter, r *http.Request) bool {
				if head != "" {
					_, _ = w.Write([]byte(head))
					w.(http.Flusher).Flush()
				}
				<-r.Context().Done()
				return true
			}
			c, waits := h.client(t)
			c.patience.Answer, c.patience.Tries = 30*time.Millisecond, 2
			_, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
			require.EqualError(t, err, "fetch acme/tiny-gpt2@main: no answer from "+h.URL+" within 30ms")
			require.True(t, fault.Is(err, fault.Transient))
			require.Len(t, *waits, 1)
		})
	}
}

func TestSignedLinksAreNotShown(t *testing.T) {
	h := newHub(t)
	c, _ := h.client(t)
	h.cdn.Close()
	_, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.ErrorContains(t, err, "fetch pytorch_model.bin of acme/tiny-gpt2@main: no answer from 127.0.0.1:")
	require.NotContains(t, err.Error(), "signature")
	require.NotContains(t, err.Error(), "\n")
}

func TestCancellationEndsTheFetch(t *testing.T) {
	h := newHub(t)
	why := errors.New("the worker stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	h.meddle = func(w http.ResponseWriter, r *http.Request) bool {
		if "http://"+r.Host != h.cdn.URL {
			return false
		}
		w.Header().Set("Content-Length", "32000")
		_, _ = w.Write([]byte("weights "))
		w.(http.Flusher).Flush()
		cancel(why)
		<-r.Context().Done()
		return true
	}
	c, _ := h.client(t)
	_, err := c.Fetch(ctx, parseName(t, h.repo), nil)
	require.ErrorIs(t, err, why)
	require.Len(t, h.asked(http.MethodGet, "/pytorch_model.bin"), 1)
}

func TestServersThatAreNoHubAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request) bool
		want   string
	}{
		"a web site": {func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write([]byte("<html>"))
			return true
		}, "answers with something other than JSON; is HF_ENDPOINT a hub?"},
		"no commit": {func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write([]byte(`{"sha": "../../etc"}`))
			return true
		}, "names no commit; is HF_ENDPOINT a hub?"},
		"another commit": {func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodHead {
				w.Header().Set("X-Repo-Commit", commitB)
				w.Header().Set("ETag", `"x"`)
				return true
			}
			return false
		}, `the hub answers for commit "` + commitB + `", expected "` + commitA + `"`},
		"an ETag that is a path": {func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodHead {
				w.Header().Set("X-Repo-Commit", commitA)
				w.Header().Set("ETag", `"../../../x"`)
				return true
			}
			return false
		}, `the hub gives the ETag "\"../../../x\"", expected a digest`},
		"a link that is no web address": {func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodHead {
				w.Header().Set("Location", "file:///etc/passwd")
				w.WriteHeader(http.StatusFound)
				return true
			}
			return false
		}, "sends the client on to no web address"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			h.meddle = c.answer
			client, _ := h.client(t)
			_, err := client.Fetch(t.Context(), parseName(t, h.repo), nil)
			require.ErrorContains(t, err, c.want)
			require.True(t, fault.Is(err, fault.Corrupt))
		})
	}
}

func TestFilesThatLeadOutOfTheFolderAreRefused(t *testing.T) {
	for _, name := range []string{"../config.json", "/etc/passwd", `..\config.json`, "a/../../b", "", ".", "..", "a//b", "C:x", "a\nb"} {
		h := newHub(t)
		h.commits[commitA][name] = "x"
		c, _ := h.client(t)
		_, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
		require.ErrorContains(t, err, "expected a path inside the repository", "%q", name)
		require.True(t, fault.Is(err, fault.Corrupt))
	}
}

func TestFileWithoutADigestIsToldApart(t *testing.T) {
	h := newHub(t)
	h.meddle = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/merges.txt") {
			content := h.commits[commitA]["merges.txt"]
			w.Header().Set("X-Repo-Commit", commitA)
			w.Header().Set("ETag", `W/"5f3a-17"`)
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
			return true
		}
		return false
	}
	c, _ := h.client(t)
	s, err := c.Fetch(t.Context(), parseName(t, h.repo), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"merges.txt"}, s.Unverified)
}
