package serving

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"elara/internal/listen"
)

// guarded lets nobody in without the token, and no page of another site: on this machine, where no token need be, a browser
// would carry such a page's requests here.
func (s *Server) guarded(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		wrong("", "another site sent this request").as(http.StatusForbidden, "permission_error").write(w)
	}))
	protected := crossOrigin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if !listen.AnswersTo(s.Host, r.Host) {
			wrong("", "this server has another address").as(http.StatusMisdirectedRequest, "invalid_request_error").write(w)
			return
		}
		if !s.knows(r.Header.Get("Authorization")) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			refused := wrong("", "expected the server's token: Authorization: Bearer TOKEN").as(http.StatusUnauthorized, "authentication_error")
			refused.coded("invalid_api_key").write(w)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

// knows compares in constant time, whatever the length.
func (s *Server) knows(authorization string) bool {
	if s.Token == "" {
		return true
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	got, want := sha256.Sum256([]byte(strings.TrimSpace(token))), sha256.Sum256([]byte(s.Token))
	return strings.EqualFold(scheme, "bearer") && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}
