package access

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

func sealer(t *testing.T) *Sealer {
	t.Helper()
	seal, err := LoadSealer(filepath.Join(t.TempDir(), "key"))
	require.NoError(t, err)
	return seal
}

// visit asks with the cookies of an answer, and tells who it was.
func visit(s Sessions, from *httptest.ResponseRecorder) (Person, bool, *httptest.ResponseRecorder) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, cookie := range from.Result().Cookies() {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	person, known := s.Person(w, r)
	return person, known, w
}

func TestASessionEndsWhenItIsIdleAndWhenItIsOld(t *testing.T) {
	now := time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)
	s := Sessions{Seal: sealer(t), Secure: true, Now: func() time.Time { return now }}
	begun := httptest.NewRecorder()
	require.NoError(t, s.Begin(begun, Person{Name: "Person A", Role: Judge, Since: now}))
	cookie := begun.Result().Cookies()[0]
	require.True(t, cookie.HttpOnly && cookie.Secure)
	require.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
	require.True(t, strings.HasPrefix(cookie.Name, "__Host-"))

	person, known, _ := visit(s, begun)
	require.True(t, known)
	require.Equal(t, "Person A", person.Name)

	now = now.Add(sessionIdle + time.Second)
	_, known, _ = visit(s, begun)
	require.False(t, known, "idle")

	now = now.Add(-10 * time.Minute)
	held := begun
	for range 40 { // somebody who works goes on being known, until the session is old
		var renewed *httptest.ResponseRecorder
		_, known, renewed = visit(s, held)
		if !known {
			break
		}
		held, now = renewed, now.Add(20*time.Minute)
	}
	require.False(t, known)
	require.InDelta(t, float64(sessionAge), float64(now.Sub(person.Since)), float64(21*time.Minute))
}

func TestACookieThatWasChangedOrSealedForSomethingElseIsNoSession(t *testing.T) {
	s := Sessions{Seal: sealer(t), Now: time.Now}
	flow, err := s.Seal.Seal("flow", session{Person{Name: "Person A", Role: Approver, Since: time.Now()}, time.Now()})
	require.NoError(t, err)
	good, err := s.Seal.Seal(purposeSession, session{Person{Name: "Person A", Role: Judge, Since: time.Now()}, time.Now()})
	require.NoError(t, err)
	other, err := sealer(t).Seal(purposeSession, session{Person{Name: "Person A", Role: Approver, Since: time.Now()}, time.Now()})
	require.NoError(t, err)
	body, signature, _ := strings.Cut(good, ".")
	for name, value := range map[string]string{
		"another purpose": flow, "another key": other, "another body": body + "x." + signature, "no signature": body, "": "",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: s.cookieName(), Value: value})
		_, known := s.Person(httptest.NewRecorder(), r)
		require.False(t, known, name)
	}
}

func TestDesksThatShareAKeyAcceptEachOthersSessions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	one, err := LoadSealer(path)
	require.NoError(t, err)
	two, err := LoadSealer(path)
	require.NoError(t, err)
	sealed, err := one.Seal("x", "words")
	require.NoError(t, err)
	var words string
	require.True(t, two.Open("x", sealed, &words))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	require.NoError(t, os.WriteFile(path, []byte("short"), 0o600))
	_, err = LoadSealer(path)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.ErrorContains(t, err, "remove it")
}
