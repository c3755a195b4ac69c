package desk

import (
	"net/http"
	"net/url"
	"strings"

	"elara/desk/access"
	"elara/desk/audit"
	"elara/spec/fault"
)

// ProviderPath is the page that a provider of OpenID Connect sends people back to.
const ProviderPath = "/sign-in/return"

const (
	flowCookie  = "elara-sign-in"
	purposeFlow = "flow"
)

type handler func(http.ResponseWriter, *http.Request, access.Person) error

// signedIn calls a handler with whoever is signed in, and lets nobody else pass.
func (d *Desk) signedIn(handle handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		person, known := d.sessions.Person(w, r)
		if known {
			err := d.book.Holds(r.Context(), person)
			if fault.Is(err, fault.Conflict) {
				d.sessions.End(w)
				known = false
			} else if err != nil {
				d.fail(w, r, sentForm(r), err)
				return
			}
		}
		if !known {
			d.turnAway(w, r)
			return
		}
		if r.Method == http.MethodPost && !d.limits.person.allow(person.Name, d.now()) {
			d.failFor(w, r, &person, sentForm(r), tooOften())
			return
		}
		if err := handle(w, r, person); err != nil {
			d.failFor(w, r, &person, sentForm(r), err)
		}
	}
}

// turnAway asks for a sign-in: at once where a page was asked for, and with all that was typed where something was sent.
func (d *Desk) turnAway(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		http.Redirect(w, r, "/sign-in?next="+url.QueryEscape(r.URL.Path), http.StatusSeeOther)
		return
	}
	d.fail(w, r, sentForm(r), strangerError{fault.New(fault.Invalid, "nobody is signed in, or the session is over")})
}

type signInPage struct {
	Next     string
	Refused  string
	Provider bool
}

func (d *Desk) showSignIn(w http.ResponseWriter, r *http.Request) {
	d.showEntry(w, r, http.StatusOK, signInPage{Next: localPath(r.URL.Query().Get("next"))})
}

func (d *Desk) showEntry(w http.ResponseWriter, r *http.Request, status int, body signInPage) {
	body.Provider = d.Provider != nil
	if err := d.show(w, status, "sign-in", page{Title: "Sign in", Body: body}); err != nil {
		d.fail(w, r, nil, err)
	}
}

// signIn takes a token.
func (d *Desk) signIn(w http.ResponseWriter, r *http.Request) {
	if !d.limits.entry.allow(d.addressOf(r), d.now()) {
		d.fail(w, r, nil, tooOften())
		return
	}
	if err := r.ParseForm(); err != nil {
		d.fail(w, r, nil, fault.New(fault.Invalid, "the form cannot be read: %w", err))
		return
	}
	next := localPath(r.PostForm.Get("next"))
	person, err := d.book.Enter(r.Context(), r.PostForm.Get("token"))
	if fault.Is(err, fault.Invalid) {
		d.refuse(w, r, "token", next, err)
		return
	}
	if err == nil {
		err = d.begin(w, r, person)
	}
	if err != nil {
		d.fail(w, r, nil, err)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// refuse writes down that somebody was not let in, and says why.
func (d *Desk) refuse(w http.ResponseWriter, r *http.Request, by, next string, err error) {
	d.wrote(d.audit.Write(audit.Entry{
		What: audit.SignIn, From: d.addressOf(r), By: by, Outcome: audit.Refused, Kind: string(fault.KindOf(err)),
	}))
	d.showEntry(w, r, http.StatusUnauthorized, signInPage{Next: next, Refused: sentence(err)})
}

// begin writes a sign-in down, and then lets the person in.
func (d *Desk) begin(w http.ResponseWriter, r *http.Request, person access.Person) error {
	if err := d.audit.Write(audit.Entry{What: audit.SignIn, Who: person.Name, By: person.By(), From: d.addressOf(r), Outcome: audit.Done}); err != nil {
		return err
	}
	return d.sessions.Begin(w, person)
}

// signOut ends all sessions of the person, at this desk and at others.
func (d *Desk) signOut(w http.ResponseWriter, r *http.Request, person access.Person) error {
	if err := d.book.SignOut(r.Context(), person.Name); err != nil {
		return err
	}
	d.sessions.End(w)
	d.wrote(d.audit.Write(audit.Entry{What: audit.SignOut, Who: person.Name, By: person.By(), From: d.addressOf(r), Outcome: audit.Done}))
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}

// toProvider begins a sign-in at the provider.
func (d *Desk) toProvider(w http.ResponseWriter, r *http.Request) {
	address, flow := d.Provider.Begin(d.now())
	sealed, err := d.seal.Seal(purposeFlow, flow)
	if err != nil {
		d.fail(w, r, nil, err)
		return
	}
	http.SetCookie(w, d.flow(sealed, 600))
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// fromProvider ends it. The way back comes from another site, on which no browser sends or may send a strict cookie: the page
// that it gets leads on by itself, as a page of ours.
func (d *Desk) fromProvider(w http.ResponseWriter, r *http.Request) {
	if !d.limits.entry.allow(d.addressOf(r), d.now()) {
		d.fail(w, r, nil, tooOften())
		return
	}
	var flow access.Flow
	if cookie, err := r.Cookie(flowCookie); err == nil {
		d.seal.Open(purposeFlow, cookie.Value, &flow) // what is not ours leaves it empty, and is refused
	}
	http.SetCookie(w, d.flow("", -1))
	person, err := d.Provider.Finish(r.Context(), flow, r.URL.Query(), d.now())
	if fault.Is(err, fault.Invalid) {
		d.refuse(w, r, "OpenID Connect", "/", err)
		return
	}
	if err == nil {
		err = d.begin(w, r, person)
	}
	if err == nil {
		err = d.show(w, http.StatusOK, "go-on", page{Title: "Signed in", Person: &person})
	}
	if err != nil {
		d.fail(w, r, nil, err)
	}
}

// flow is the cookie of a sign-in under way. It is lax: it must come back with the browser from another site.
func (d *Desk) flow(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: flowCookie, Value: value, Path: "/sign-in", MaxAge: maxAge, HttpOnly: true, Secure: d.Secure, SameSite: http.SameSiteLaxMode,
	}
}

// wrote takes what became of a line that nothing depends on any more.
func (d *Desk) wrote(err error) {
	if err != nil {
		d.Logger.Error("the audit log took no line", "error", err)
	}
}

// localPath lets a link lead to a page of ours alone.
func localPath(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}
