package desk

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/desk/access"
	"elara/spec"
)

func TestARequestThatAnotherSiteMadeIsRefused(t *testing.T) {
	s := newScene(t, nil)
	s.signIn(t, "Person A", access.Approver)
	for name, header := range map[string]map[string]string{
		"cross-site": {"Sec-Fetch-Site": "cross-site"},
		"same-site":  {"Sec-Fetch-Site": "same-site"},
		"origin":     {"Origin": "https://evil.example"},
	} {
		got := s.send(t, http.MethodPost, "/collections/cough/judge", s.judgement("x"), header)
		require.Equal(t, http.StatusForbidden, got.status, name)
	}
	require.Empty(t, s.told)
}

func TestEveryAnswerTellsTheBrowserWhatItMayDo(t *testing.T) {
	for _, secure := range []bool{false, true} {
		s := newScene(t, func(o *Options) { o.Secure = secure })
		for _, path := range []string{"/sign-in", "/assets/desk.css", "/nothing", "/healthz"} {
			header := s.get(t, path).header
			policy := header.Get("Content-Security-Policy")
			require.NotContains(t, policy, "unsafe", path)
			for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
				require.Contains(t, policy, want, path)
			}
			require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), path)
			require.Equal(t, "same-origin", header.Get("Referrer-Policy"), path)
			require.Equal(t, secure, header.Get("Strict-Transport-Security") != "", path)
			require.Equal(t, "no-store", header.Get("Cache-Control"), path)
		}
	}
}

func TestPagesHaveNoStyleOrScriptInside(t *testing.T) {
	files, err := pageFiles.ReadDir("pages")
	require.NoError(t, err)
	for _, file := range files {
		text, err := pageFiles.ReadFile("pages/" + file.Name())
		require.NoError(t, err)
		for _, inside := range []string{"style=", "<style", " onclick", " onload", "javascript:"} {
			require.NotContains(t, string(text), inside, file.Name())
		}
		require.Equal(t, strings.Count(string(text), "<script"), strings.Count(string(text), `<script src="/assets/`), file.Name())
	}
}

func TestWhoAsksTooOftenIsToldToWait(t *testing.T) {
	s := newScene(t, nil)
	form := url.Values{"token": {"elara_000000000000_x"}}
	for range 10 {
		require.Equal(t, http.StatusUnauthorized, s.post(t, "/sign-in", form).status)
	}
	got := s.post(t, "/sign-in", form)
	require.Equal(t, http.StatusTooManyRequests, got.status)
	require.NotEmpty(t, got.header.Get("Retry-After"))
}

func TestALimitIsOfEachNameAndComesBack(t *testing.T) {
	l := newLimiter(1, 2)
	now := aMoment
	require.True(t, l.allow("a", now))
	require.True(t, l.allow("a", now))
	require.False(t, l.allow("a", now))
	require.True(t, l.allow("b", now))
	require.True(t, l.allow("a", now.Add(time.Second)))
	for i := range 2 * limitsKept {
		l.allow(string(rune('à'+i%20000))+strings.Repeat("x", i/20000), now)
	}
	require.LessOrEqual(t, len(l.names), limitsKept, "names that come and go do not fill the memory")
	later := now.Add(2 * forgetAfter)
	l.allow("new", later)
	require.Len(t, l.names, 1, "who has not asked for long is forgotten")
}

func TestAReasonThatIsTooLongIsRefused(t *testing.T) {
	s := newScene(t, nil)
	s.signIn(t, "Person A", access.Judge)
	require.Equal(t, http.StatusBadRequest, s.post(t, "/collections/cough/judge", s.judgement(strings.Repeat("x", spec.MaxReason+1))).status)
	require.Equal(t, http.StatusRequestEntityTooLarge, s.post(t, "/collections/cough/judge", s.judgement(strings.Repeat("x", maxBody))).status)
	require.Empty(t, s.told)
}

func TestTheDeskAnswersToItsOwnNames(t *testing.T) {
	s := newScene(t, nil)
	for host, want := range map[string]int{"localhost:1": 200, "127.0.0.1": 200, "[::1]:7450": 200, "evil.example": 421, "evil.example:7450": 421} {
		require.Equal(t, want, s.send(t, http.MethodGet, "/sign-in", nil, map[string]string{"Host": host}).status, host)
	}
}

func TestOnlyOurProxyIsBelievedAboutAddresses(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "10.0.0.1:5"
	r.Header.Add("X-Forwarded-For", "1.1.1.1, 2.2.2.2")
	require.Equal(t, "10.0.0.1", (&Desk{}).addressOf(r))
	behind := &Desk{Options: Options{BehindProxy: true}}
	require.Equal(t, "2.2.2.2", behind.addressOf(r))
	r.Header.Set("X-Forwarded-For", "2001:db8:1:2:3:4:5:6")
	require.Equal(t, "2001:db8:1:2::/64", behind.addressOf(r))
}
