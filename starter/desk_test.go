package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/starter/devstack"
)

// TestTheDeskOfAStack lets a reviewer in, who judges, and out again, on a real stack.
func TestTheDeskOfAStack(t *testing.T) {
	state := stackFolder(t)
	up := elara(t, "up", "--detach", "--state", state)
	require.Equal(t, exitDone, up.code, up.err)
	record, err := devstack.Find(state)
	require.NoError(t, err)
	require.Contains(t, up.out, "Desk       "+record.Desk)
	do := func(args ...string) said {
		t.Helper()
		got := elara(t, append(args, "--state", state)...)
		require.Equal(t, exitDone, got.code, got.err)
		return got
	}
	pairs := filepath.Join(t.TempDir(), "pairs.jsonl")
	require.NoError(t, os.WriteFile(pairs, []byte(threeLines), 0o600))
	do("preferences", "start", pairs, "--id", "cough")
	token := strings.TrimSpace(do("desk", "token", "add", "--reviewer", "Person A").out)
	id := strings.Split(token, "_")[1]
	listed := do("desk", "token", "list", "--json").out
	require.Contains(t, listed, id)
	require.NotContains(t, listed, "salt")

	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar}
	read := func(answer *http.Response, err error) string {
		t.Helper()
		require.NoError(t, err)
		defer func() { require.NoError(t, answer.Body.Close()) }()
		page, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return string(page)
	}
	get := func(path string) string { return read(browser.Get(record.Desk + path)) }                            //nolint:bodyclose // read does
	send := func(path string, form url.Values) string { return read(browser.PostForm(record.Desk+path, form)) } //nolint:bodyclose // read does
	require.Contains(t, send("/sign-in", url.Values{"token": {token}}), "0 of 6 judgements; 0 of 3 pairs are complete")
	shown := shows(t, func(args ...string) said { return do(append([]string{"preferences"}, args...)...) }, "Person A")
	page := get("/collections/cough/compare")
	require.Contains(t, page, string(shown.Pair), "the pair that the command line shows")
	require.Less(t, strings.Index(page, shown.AnswerA), strings.Index(page, shown.AnswerB), "in the same order")
	form := url.Values{"pair": {string(shown.Pair)}, "number": {fmt.Sprint(shown.Number)}, "choice": {"tie"}}
	require.Contains(t, send("/collections/cough/judge", form), "is kept.")
	require.Contains(t, do("preferences", "status", "cough").out, "Judgements  1 of 6")

	do("desk", "token", "revoke", id)
	require.Contains(t, get("/collections"), "Your personal token")
	again := elara(t, "desk", "token", "revoke", "000000000000", "--state", state)
	require.NotEqual(t, exitDone, again.code)
	require.Contains(t, again.err, "elara desk token list shows them")
	audited, err := os.ReadFile(filepath.Join(state, "desk", "audit.jsonl"))
	require.NoError(t, err)
	require.Equal(t, 2+1+2+2+2, strings.Count(string(audited), "\n"), "%s", audited)
	require.NotContains(t, string(audited), token)

	for want, args := range map[string][]string{
		"give --tls-cert and --tls-key, or --behind-proxy": {"--listen", "0.0.0.0:0"},
		"expected --oidc-client-id and --url beside it":    {"--oidc-issuer", "https://sso.example.org"},
		"expected https://HOST":                            {"--url", "desk.example.org"},
	} {
		got := elara(t, append([]string{"desk", "--state", state}, args...)...)
		require.Equal(t, exitRefused, got.code, got.err)
		require.Contains(t, got.err, want)
	}
}
