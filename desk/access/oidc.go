package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"elara/configs"
	"elara/spec"
	"elara/spec/fault"
)

// OIDC says how people sign in at a provider of OpenID Connect.
type OIDC struct {
	Issuer   string // URL
	ClientID string
	Secret   configs.Secret // of the client; zero: a public client, which PKCE protects
	Redirect string         // URL of the desk's page that the provider sends people back to
	// ReviewerClaim names the reviewer. "email" must be verified by the provider.
	ReviewerClaim string
	RoleClaim     string // a text or a list of texts
	Judges        string // value of RoleClaim of those who may judge; empty: all whom the provider lets in
	Approvers     string // value of RoleClaim of those who may approve; empty: nobody
}

// Provider is a provider whose keys and addresses are known.
type Provider struct {
	OIDC
	config   oauth2.Config
	verifier *oidc.IDTokenVerifier
}

// Discover asks the provider for its addresses.
func Discover(ctx context.Context, o OIDC) (*Provider, error) {
	ctx = oidc.ClientContext(ctx, &http.Client{Timeout: providerWithin})
	found, err := oidc.NewProvider(ctx, o.Issuer)
	if err != nil {
		return nil, fault.New(fault.Transient, "OpenID Connect at %s: %w", o.Issuer, err)
	}
	return &Provider{
		OIDC: o, verifier: found.VerifierContext(context.WithoutCancel(ctx), &oidc.Config{ClientID: o.ClientID}),
		config: oauth2.Config{
			ClientID: o.ClientID, ClientSecret: o.Secret.Reveal(), Endpoint: found.Endpoint(), RedirectURL: o.Redirect,
			Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
		},
	}, nil
}

const (
	// flowAge is how long somebody may take at the provider.
	flowAge = 10 * time.Minute
	// providerWithin bounds each call to the provider.
	providerWithin = 10 * time.Second
)

// Flow is a sign-in under way. It stays with the browser that began it.
type Flow struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // of PKCE
	Began    time.Time `json:"began"`
}

// Begin gives the address at the provider to which the browser goes.
func (p *Provider) Begin(now time.Time) (address string, flow Flow) {
	flow = Flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Began: now.UTC()}
	return p.config.AuthCodeURL(flow.State, oidc.Nonce(flow.Nonce), oauth2.S256ChallengeOption(flow.Verifier)), flow
}

// Finish checks what the browser brought back from the provider, and tells who it is.
func (p *Provider) Finish(ctx context.Context, flow Flow, back url.Values, now time.Time) (Person, error) {
	if subtle.ConstantTimeCompare([]byte(flow.State), []byte(back.Get("state"))) != 1 || flow.State == "" || now.Sub(flow.Began) > flowAge {
		return Person{}, fault.WithHint(fault.New(fault.Invalid, "this sign-in was not begun here, or took more than %v", flowAge), "begin again")
	}
	if back.Has("error") {
		return Person{}, fault.New(fault.Invalid, "the provider refused the sign-in")
	}
	ctx = oidc.ClientContext(ctx, &http.Client{Timeout: providerWithin})
	answer, err := p.config.Exchange(ctx, back.Get("code"), oauth2.VerifierOption(flow.Verifier))
	if err != nil {
		return Person{}, fault.New(fault.Transient, "exchange the code at %s: %w", p.Issuer, err)
	}
	raw, given := answer.Extra("id_token").(string)
	if !given {
		return Person{}, fault.New(fault.Invalid, "the provider gave no ID token")
	}
	identity, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return Person{}, fault.New(fault.Invalid, "the ID token does not hold: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(identity.Nonce), []byte(flow.Nonce)) != 1 {
		return Person{}, fault.New(fault.Invalid, "the ID token belongs to another sign-in")
	}
	claims := map[string]any{}
	if err := identity.Claims(&claims); err != nil {
		return Person{}, fault.New(fault.Invalid, "the ID token's claims: %w", err)
	}
	return p.person(claims, now)
}

// person maps the claims of a verified token to a reviewer.
func (p *Provider) person(claims map[string]any, now time.Time) (Person, error) {
	name, _ := claims[p.ReviewerClaim].(string)
	if verified, _ := claims["email_verified"].(bool); p.ReviewerClaim == "email" && !verified {
		return Person{}, fault.New(fault.Invalid, "the provider has not verified this address of mail")
	}
	if err := spec.CheckReviewer(name); err != nil {
		return Person{}, fault.New(fault.Invalid, "claim %s: %w", p.ReviewerClaim, err)
	}
	roles := texts(claims[p.RoleClaim])
	switch {
	case p.Approvers != "" && slices.Contains(roles, p.Approvers):
		return Person{Name: name, Role: Approver, Since: now.UTC()}, nil
	case p.Judges == "" || slices.Contains(roles, p.Judges):
		return Person{Name: name, Role: Judge, Since: now.UTC()}, nil
	}
	return Person{}, fault.New(fault.Invalid, "%s is not among those who may judge: claim %s lacks %q", name, p.RoleClaim, p.Judges)
}

// texts reads a claim that is a text or a list of texts.
func texts(claim any) []string {
	switch value := claim.(type) {
	case string:
		return []string{value}
	case []any:
		var all []string
		for _, one := range value {
			if text, is := one.(string); is {
				all = append(all, text)
			}
		}
		return all
	}
	return nil
}
