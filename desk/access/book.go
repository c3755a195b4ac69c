package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
)

const (
	bookKey     = "desk/access.json"
	tokenPrefix = "elara_"
	idSize      = 6  // bytes
	secretSize  = 32 // bytes
	saltSize    = 16 // bytes
	// changeTries bounds how often a change starts over because another one came between.
	changeTries = 20
)

// Book is the list of tokens in the store.
type Book struct {
	store storage.Store
	now   func() time.Time
}

// NewBook opens the book of a store. It need not be there yet.
func NewBook(store storage.Store) *Book { return &Book{store: store, now: time.Now} }

// Token is what may be told of a token.
type Token struct {
	ID       string    `json:"id"`
	Reviewer string    `json:"reviewer"`
	Role     Role      `json:"role"`
	Created  time.Time `json:"created"`
	Revoked  time.Time `json:"revoked,omitzero"`
}

// lock is a token with what tells whether a secret is its own.
type lock struct {
	Token
	Salt []byte `json:"salt"`
	Hash []byte `json:"hash"` // SHA-256 of salt and secret
}

// pages are the content of the book.
type pages struct {
	Tokens []lock `json:"tokens"`
	// Out holds for a reviewer when the sessions ended that had begun before. One older than any session is left out.
	Out map[string]time.Time `json:"out,omitempty"`
}

// Add makes a token. It is shown once: the book keeps its hash.
func (b *Book) Add(ctx context.Context, reviewer string, role Role) (token string, err error) {
	if err := spec.CheckReviewer(reviewer); err != nil {
		return "", err
	}
	if err := role.Check(); err != nil {
		return "", err
	}
	var id [idSize]byte
	var secret [secretSize]byte
	made := lock{Token: Token{Reviewer: reviewer, Role: role, Created: b.now().UTC()}, Salt: make([]byte, saltSize)}
	for _, random := range [][]byte{id[:], secret[:], made.Salt} {
		_, _ = rand.Read(random) // it never fails: the program ends where the system gives no random bytes
	}
	made.ID, made.Hash = hex.EncodeToString(id[:]), hashOf(made.Salt, secret[:])
	err = b.change(ctx, func(p *pages) error {
		if _, found := p.token(made.ID); !found { // a try before may have come through and been changed since
			p.Tokens = append(p.Tokens, made)
		}
		return nil
	})
	return tokenPrefix + made.ID + "_" + base64.RawURLEncoding.EncodeToString(secret[:]), err
}

// Tokens lists all, revoked ones too, in the order in which they were made.
func (b *Book) Tokens(ctx context.Context) ([]Token, error) {
	p, _, err := b.read(ctx)
	all := make([]Token, len(p.Tokens))
	for i, held := range p.Tokens {
		all[i] = held.Token
	}
	return all, err
}

// Revoke ends a token and the sessions that it began. Doing so again changes nothing.
func (b *Book) Revoke(ctx context.Context, id string) error {
	return b.change(ctx, func(p *pages) error {
		for i := range p.Tokens {
			if t := &p.Tokens[i]; t.ID == id {
				if t.Revoked.IsZero() {
					t.Revoked = b.now().UTC()
				}
				return nil
			}
		}
		return fault.WithHint(fault.New(fault.NotFound, "there is no token %q", id), "elara desk token list shows them")
	})
}

// SignOut ends all sessions of a reviewer.
func (b *Book) SignOut(ctx context.Context, reviewer string) error {
	return b.change(ctx, func(p *pages) error {
		now := b.now().UTC()
		maps.DeleteFunc(p.Out, func(_ string, at time.Time) bool { return now.Sub(at) > sessionAge })
		if p.Out == nil {
			p.Out = map[string]time.Time{}
		}
		p.Out[reviewer] = now
		return nil
	})
}

// errUnknown is the one answer to a token that is not good, whatever the reason.
func errUnknown() error { return fault.New(fault.Invalid, "this token is not known, or was revoked") }

// Enter tells whose token this is.
func (b *Book) Enter(ctx context.Context, token string) (Person, error) {
	rest, ours := strings.CutPrefix(strings.TrimSpace(token), tokenPrefix)
	id, encoded, cut := strings.Cut(rest, "_")
	secret, err := base64.RawURLEncoding.DecodeString(encoded)
	if !ours || !cut || err != nil || len(secret) != secretSize {
		return Person{}, errUnknown()
	}
	p, _, err := b.read(ctx)
	if err != nil {
		return Person{}, err
	}
	held, found := p.token(id)
	same := subtle.ConstantTimeCompare(held.Hash, hashOf(held.Salt, secret)) == 1
	if !found || !same || !held.Revoked.IsZero() {
		return Person{}, errUnknown()
	}
	return Person{Name: held.Reviewer, Role: held.Role, Token: held.ID, Since: b.now().UTC()}, nil
}

// Holds refuses a person whose session is over, because the token was revoked or the reviewer has signed out since.
func (b *Book) Holds(ctx context.Context, person Person) error {
	p, _, err := b.read(ctx)
	if err != nil {
		return err
	}
	if out, left := p.Out[person.Name]; left && !person.Since.After(out) {
		return fault.New(fault.Conflict, "the session is over: %s signed out", person.Name)
	}
	if person.Token == "" {
		return nil
	}
	held, found := p.token(person.Token)
	if !found || !held.Revoked.IsZero() {
		return fault.New(fault.Conflict, "the session is over: its token was revoked")
	}
	return nil
}

func (p pages) token(id string) (lock, bool) {
	i := slices.IndexFunc(p.Tokens, func(t lock) bool { return t.ID == id })
	if i < 0 {
		return lock{}, false
	}
	return p.Tokens[i], true
}

// change writes the book anew, on the condition that nobody else has meanwhile. An edit may be made twice.
func (b *Book) change(ctx context.Context, edit func(*pages) error) error {
	for range changeTries {
		p, condition, err := b.read(ctx)
		if err != nil {
			return err
		}
		if err := edit(&p); err != nil {
			return err
		}
		content, err := json.Marshal(p)
		if err != nil {
			return err
		}
		_, err = storage.Replace(ctx, b.store, bookKey, content, condition)
		if !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	return fault.New(fault.Transient, "the list of tokens changed under %d tries", changeTries)
}

func (b *Book) read(ctx context.Context) (pages, storage.Condition, error) {
	content, info, err := storage.ReadAll(ctx, b.store, bookKey)
	if fault.Is(err, fault.NotFound) {
		return pages{}, storage.IfAbsent(), nil
	}
	if err != nil {
		return pages{}, storage.Condition{}, err
	}
	var p pages
	if err := json.Unmarshal(content, &p); err != nil {
		return pages{}, storage.Condition{}, fault.New(fault.Corrupt, "read %s: %w", bookKey, err)
	}
	return p, storage.IfMatch(info.ETag), nil
}

func hashOf(salt, secret []byte) []byte {
	hash := sha256.New()
	hash.Write(salt)
	hash.Write(secret)
	return hash.Sum(nil)
}
