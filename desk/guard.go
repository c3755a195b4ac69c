package desk

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"elara/internal/listen"
	"elara/spec"
	"elara/spec/fault"
)

// maxBody holds a reason of the largest size with each byte written as three.
const maxBody = 3*spec.MaxReason + 4<<10

// policy lets a page load what is here, and nothing from inside a page: a text that was mistaken for HTML could do nothing.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guarded refuses what no page of ours sends, and tells browsers what they may do with what they get.
//
// Requests that another site made are told by what every browser of the last years says of them (Sec-Fetch-Site, Origin): there
// is no hidden token in a form that could go stale while a reviewer thinks, and the cookie is SameSite=Strict besides.
func (d *Desk) guarded(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.fail(w, r, nil, forbiddenError{fault.New(fault.Invalid, "another site sent this request")})
	}))
	protected := crossOrigin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "same-origin") // with no-referrer browsers would not say the origin of a form of ours, either
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if d.Secure {
			header.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if !listen.AnswersTo(d.Host, r.Host) {
			http.Error(w, "this desk has another address", http.StatusMisdirectedRequest)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		protected.ServeHTTP(w, r)
	})
}

// addressOf is whom a limit counts: an address, or the network of an IPv6 address, of which one person has many.
func (d *Desk) addressOf(r *http.Request) string {
	text := r.RemoteAddr
	if forwarded := r.Header.Values("X-Forwarded-For"); d.BehindProxy && len(forwarded) > 0 {
		hops := strings.Split(forwarded[len(forwarded)-1], ",")
		text = strings.TrimSpace(hops[len(hops)-1]) // what our proxy added; all before it anybody may have written
	}
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return "unknown"
	}
	if address = address.Unmap().WithZone(""); address.Is6() {
		if network, err := address.Prefix(64); err == nil {
			return network.String()
		}
	}
	return address.String()
}
