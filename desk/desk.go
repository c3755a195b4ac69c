package desk

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"

	"elara/desk/access"
	"elara/desk/audit"
	"elara/desk/review"
	"elara/spec/fault"
	"elara/storage"
)

// Files in a desk's folder.
const (
	keyFile   = "session.key"
	AuditFile = "audit.jsonl"
)

// Options say whom a desk serves, and where it keeps what it writes.
type Options struct {
	Server   client.Client
	Store    storage.Store
	Folder   string           // of the sessions' key and the audit log; made when it is not there
	Provider *access.Provider // nil: people sign in by token alone
	// Secure: people reach the desk over TLS. BehindProxy: a proxy of ours says from which address they come.
	Secure, BehindProxy bool
	// Host is the only host name under which the desk answers; "": any. listen.Loopback stands for the names of this machine.
	Host   string
	Logger *slog.Logger
}

// Desk makes the pages.
type Desk struct {
	Options
	book     *access.Book
	seal     *access.Sealer
	sessions access.Sessions
	audit    *audit.Log
	review   *review.Client
	limits   limits
	now      func() time.Time
}

// OpenAudit opens the audit log of a desk's folder.
func OpenAudit(folder string) (*audit.Log, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fault.New(fault.Invalid, "make the desk's folder: %w", err)
	}
	return audit.Open(filepath.Join(folder, AuditFile))
}

// New opens a desk. The caller closes it.
func New(o Options) (*Desk, error) {
	log, err := OpenAudit(o.Folder)
	if err != nil {
		return nil, err
	}
	seal, err := access.LoadSealer(filepath.Join(o.Folder, keyFile))
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return &Desk{
		Options: o, book: access.NewBook(o.Store), seal: seal, audit: log, review: review.New(o.Server, o.Store),
		sessions: access.Sessions{Seal: seal, Secure: o.Secure, Now: time.Now}, limits: newLimits(), now: time.Now,
	}, nil
}

// Close closes the audit log.
func (d *Desk) Close() error { return d.audit.Close() }

// Handler gives the pages.
func (d *Desk) Handler() http.Handler {
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", d.signedIn(func(w http.ResponseWriter, r *http.Request, _ access.Person) error {
		http.Redirect(w, r, "/collections", http.StatusSeeOther)
		return nil
	}))
	pages.HandleFunc("GET /collections", d.signedIn(d.showCollections))
	pages.HandleFunc("GET /collections/{run}", d.signedIn(d.showCollection))
	pages.HandleFunc("GET /collections/{run}/compare", d.signedIn(d.showPair))
	pages.HandleFunc("POST /collections/{run}/judge", d.signedIn(d.judge))
	pages.HandleFunc("GET /approvals", d.signedIn(d.showApprovals))
	pages.HandleFunc("GET /approvals/{workflow}", d.signedIn(d.showApproval))
	pages.HandleFunc("POST /approvals/{workflow}/decide", d.signedIn(d.decide))
	pages.HandleFunc("GET /reports/{digest}", d.signedIn(d.showReport))
	pages.HandleFunc("GET /releases", d.signedIn(d.showReleases))
	pages.HandleFunc("GET /sign-in", d.showSignIn)
	pages.HandleFunc("POST /sign-in", d.signIn)
	pages.HandleFunc("POST /sign-out", d.signedIn(d.signOut))
	if d.Provider != nil {
		pages.HandleFunc("GET /sign-in/provider", d.toProvider)
		pages.HandleFunc("GET "+ProviderPath, d.fromProvider)
	}
	pages.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		d.fail(w, r, nil, fault.New(fault.NotFound, "there is no such page"))
	})

	// What is the same for everybody needs no limit and no name.
	all := http.NewServeMux()
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(err) // the folder is in the program
	}
	all.Handle("GET /assets/", http.StripPrefix("/assets/", http.FileServerFS(files)))
	all.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	all.Handle("/", d.limited(pages))
	return d.guarded(all)
}
