package desk

import (
	"maps"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"elara/spec/fault"
)

// limits bound how often somebody may ask: far above what a person does, far below what would keep others from their work.
type limits struct {
	address *limiter // everything; a ward may share one address
	entry   *limiter // attempts to sign in, by address
	person  *limiter // what is told, by person
}

func newLimits() limits {
	return limits{address: newLimiter(100, 300), entry: newLimiter(0.2, 10), person: newLimiter(20, 40)}
}

const (
	// limitsKept is how many names a limiter knows; when there are more, all newcomers share one limit.
	limitsKept = 10000
	// forgetAfter is when a name that has not asked is forgotten: its limit is full again by then.
	forgetAfter = time.Minute
)

// limiter is a bucket of tokens for each name.
type limiter struct {
	rate  rate.Limit // a second
	burst int

	mu     sync.Mutex
	names  map[string]*bucket
	others *rate.Limiter
	swept  time.Time
}

type bucket struct {
	*rate.Limiter
	asked time.Time
}

func newLimiter(perSecond rate.Limit, burst int) *limiter {
	return &limiter{rate: perSecond, burst: burst, names: map[string]*bucket{}, others: rate.NewLimiter(perSecond, burst)}
}

// allow takes one token of a name at a moment.
func (l *limiter) allow(name string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, known := l.names[name]
	if !known {
		if len(l.names) >= limitsKept && now.Sub(l.swept) > forgetAfter {
			l.swept = now
			maps.DeleteFunc(l.names, func(_ string, b *bucket) bool {
				return now.Sub(b.asked) > forgetAfter && b.TokensAt(now) >= float64(l.burst)
			})
		}
		if len(l.names) >= limitsKept {
			return l.others.AllowN(now, 1)
		}
		b = &bucket{Limiter: rate.NewLimiter(l.rate, l.burst)}
		l.names[name] = b
	}
	b.asked = now
	return b.AllowN(now, 1)
}

// tooOftenError is the refusal of a limit.
type tooOftenError struct{ error }

func (e tooOftenError) Unwrap() error { return e.error }

func tooOften() error {
	return tooOftenError{fault.WithHint(fault.New(fault.Transient, "that was too often"), "wait some seconds")}
}

// limited bounds how often an address may ask.
func (d *Desk) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !d.limits.address.allow(d.addressOf(r), d.now()) {
			d.fail(w, r, nil, tooOften())
			return
		}
		next.ServeHTTP(w, r)
	})
}
