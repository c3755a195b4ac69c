package access

import (
	"net/http"
	"time"
)

const (
	sessionAge  = 12 * time.Hour   // a session ends then, whatever happens
	sessionIdle = 30 * time.Minute // or when nothing was asked for so long
	renewAfter  = time.Minute      // a cookie is written anew when it is older than this

	purposeSession = "session"
)

// Sessions keep people signed in by a sealed cookie.
type Sessions struct {
	Seal *Sealer
	// Secure desks are reached over TLS, by themselves or by a proxy: their cookies never travel without.
	Secure bool
	Now    func() time.Time
}

type session struct {
	Person Person    `json:"person"`
	Seen   time.Time `json:"seen"`
}

// cookieName is that of the session. The prefix makes browsers refuse it from any other host and without TLS.
func (s Sessions) cookieName() string {
	if s.Secure {
		return "__Host-elara"
	}
	return "elara"
}

// Begin signs a person in.
func (s Sessions) Begin(w http.ResponseWriter, person Person) error {
	value, err := s.Seal.Seal(purposeSession, session{person, s.Now().UTC()})
	if err != nil {
		return err
	}
	http.SetCookie(w, s.cookie(value, int(sessionAge/time.Second)))
	return nil
}

// End takes the cookie back. That the session is over for all who hold a copy of it is the book's business.
func (s Sessions) End(w http.ResponseWriter) { http.SetCookie(w, s.cookie("", -1)) }

// Person tells who makes a request, by a cookie that is neither old nor idle, and keeps it from becoming idle.
func (s Sessions) Person(w http.ResponseWriter, r *http.Request) (Person, bool) {
	cookie, err := r.Cookie(s.cookieName())
	if err != nil {
		return Person{}, false
	}
	var held session
	now := s.Now()
	if !s.Seal.Open(purposeSession, cookie.Value, &held) || now.Sub(held.Person.Since) > sessionAge || now.Sub(held.Seen) > sessionIdle {
		return Person{}, false
	}
	if now.Sub(held.Seen) > renewAfter {
		if err := s.Begin(w, held.Person); err != nil {
			return Person{}, false
		}
	}
	return held.Person, true
}

func (s Sessions) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: s.cookieName(), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteStrictMode,
	}
}
