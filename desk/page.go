package desk

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"time"
	"unicode"
	"unicode/utf8"

	"elara/desk/access"
	"elara/spec"
	"elara/spec/fault"
)

//go:embed assets
var assets embed.FS

//go:embed pages
var pageFiles embed.FS

// pages are parsed once; each is the layout with a body of its own.
var pages = func() map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(template.FuncMap{
		"utc":     func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
		"machine": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"figure":  figure,
		"percent": func(share *float64) string { return fmt.Sprintf("%.1f %%", 100**share) },
	}).ParseFS(pageFiles, "pages/layout.html", "pages/keep.html"))
	all := map[string]*template.Template{}
	for _, name := range []string{
		"sign-in", "go-on", "collections", "collection", "compare", "approvals", "approval", "releases", "failed",
	} {
		all[name] = template.Must(template.Must(layout.Clone()).ParseFS(pageFiles, "pages/"+name+".html"))
	}
	return all
}()

// figure is an alpha, or that there is none.
func figure(alpha *float64) string {
	if alpha == nil {
		return "not defined yet"
	}
	return fmt.Sprintf("%.3f", *alpha)
}

// page is what the layout shows.
type page struct {
	Title  string
	Person *access.Person
	Told   string // what has just been done
	Body   any
}

// show writes a page whole, or not at all.
func (d *Desk) show(w http.ResponseWriter, status int, name string, p page) error {
	var text bytes.Buffer
	if err := pages[name].ExecuteTemplate(&text, "layout.html", p); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, err := w.Write(text.Bytes())
	if err != nil {
		d.Logger.Debug("a page did not arrive", "page", name, "error", err)
	}
	return nil
}

// typed is what somebody has sent in a form, for the page on which it was not taken.
type typed struct {
	Action string
	Hidden []field
	Choice field  // what was chosen
	Reason string // the words
	Again  bool   // the same may be sent once more
	Next   string // page to go on with
}

type field struct{ Name, Value string }

// failure is a page that says what is wrong and what to do.
type failure struct {
	Message, Advice string
	Typed           *typed
	Entry           bool // the way out is to sign in
}

// forbiddenError is a request that may not be made, by anybody or by this person.
type forbiddenError struct{ error }

func (e forbiddenError) Unwrap() error { return e.error }

// strangerError is a request of somebody who is not signed in.
type strangerError struct{ error }

func (e strangerError) Unwrap() error { return e.error }

// fail shows what went wrong, with what was typed.
func (d *Desk) fail(w http.ResponseWriter, r *http.Request, sent *typed, err error) {
	d.failFor(w, r, nil, sent, err)
}

func (d *Desk) failFor(w http.ResponseWriter, r *http.Request, person *access.Person, sent *typed, err error) {
	status, title, body := explain(err, sent)
	if status >= http.StatusInternalServerError {
		d.Logger.Warn("a request failed", "method", r.Method, "pattern", r.Pattern, "status", status, "error", err)
	}
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "2")
	}
	if err := d.show(w, status, "failed", page{Title: title, Person: person, Body: body}); err != nil {
		d.Logger.Error("the page of a failure failed", "error", err)
		http.Error(w, "the desk failed", http.StatusInternalServerError)
	}
}

// explain finds the words for an error. A refusal is in the words of whoever refused; of what failed inside no detail is shown.
func explain(err error, sent *typed) (status int, title string, body failure) {
	body = failure{Message: sentence(err), Typed: sent}
	var often tooOftenError
	var forbidden forbiddenError
	var stranger strangerError
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &often):
		return http.StatusTooManyRequests, "Too often", body.advise(sent, "Wait some seconds, then send it again.")
	case errors.As(err, &stranger):
		body.Entry = true
		return http.StatusUnauthorized, "Please sign in", body.advise(sent, "Sign in in another tab, come back, and send it again.")
	case errors.As(err, &forbidden):
		return http.StatusForbidden, "Not allowed", body
	case errors.As(err, &long):
		body.Message = fmt.Sprintf("This is too long: a reason has %d bytes at most.", spec.MaxReason)
		return http.StatusRequestEntityTooLarge, "Too long", body
	case fault.Is(err, fault.Invalid):
		return http.StatusBadRequest, "Not taken", body
	case fault.Is(err, fault.NotFound):
		return http.StatusNotFound, "Not found", body
	case fault.Is(err, fault.Conflict):
		return http.StatusConflict, "Not taken", body
	case fault.Is(err, fault.Transient) && sent != nil:
		body.Message = "The server has not answered. It may have been taken and only the answer been lost."
		return http.StatusServiceUnavailable, "No answer", body.advise(sent, "Send it again: the same said twice counts once.")
	case fault.Is(err, fault.Transient):
		body.Message = "The server does not answer."
		body.Advice = "Nothing is lost. Load this page again in a moment; if it goes on, tell whoever runs it: " +
			"elara doctor says what fails."
		return http.StatusServiceUnavailable, "No answer", body
	}
	body.Message = "The desk could not do this."
	return http.StatusInternalServerError, "Something failed",
		body.advise(sent, "Send it again in a moment; if it fails again, tell whoever runs the desk. Its log says why.")
}

func (f failure) advise(sent *typed, advice string) failure {
	if f.Advice = advice; sent == nil {
		f.Advice = ""
		return f
	}
	again := *sent
	again.Again = true
	f.Typed = &again
	return f
}

// sentence writes an error as people write.
func sentence(err error) string {
	var at *fault.Error
	text := err.Error()
	if errors.As(err, &at) {
		text = at.Error()
	}
	if text == "" {
		return text
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:] + "."
}
