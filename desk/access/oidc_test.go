package access

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

// idp is a provider of OpenID Connect: discovery, keys and token endpoint. The person at it has signed in already.
type idp struct {
	*httptest.Server
	key       *rsa.PrivateKey
	signs     *rsa.PrivateKey // usually key
	challenge string          // of PKCE, as the browser brought it
	claims    map[string]any
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	p := &idp{key: key, signs: key}
	mux := http.NewServeMux()
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	answer := func(w http.ResponseWriter, value any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(value) // a test's client has gone
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &p.key.PublicKey, KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if r.FormValue("code") != "code" || base64.RawURLEncoding.EncodeToString(sum[:]) != p.challenge {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		answer(w, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": p.idToken(t)})
	})
	return p
}

func (p *idp) idToken(t *testing.T) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.signs, KeyID: "1"}}, nil)
	require.NoError(t, err)
	text, err := json.Marshal(p.claims)
	require.NoError(t, err)
	signed, err := signer.Sign(text)
	require.NoError(t, err)
	token, err := signed.CompactSerialize()
	require.NoError(t, err)
	return token
}

// goTo plays the browser at the provider, and gives what it brings back.
func (p *idp) goTo(t *testing.T, address string, more map[string]any) url.Values {
	t.Helper()
	asked, err := url.Parse(address)
	require.NoError(t, err)
	query := asked.Query()
	require.Equal(t, "S256", query.Get("code_challenge_method"))
	require.Equal(t, "code", query.Get("response_type"))
	p.challenge = query.Get("code_challenge")
	p.claims = map[string]any{
		"iss": p.URL, "aud": "elara", "sub": "1", "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix(), "nonce": query.Get("nonce"),
		"email": "a@example.org", "email_verified": true,
	}
	maps.Copy(p.claims, more)
	return url.Values{"code": {"code"}, "state": {query.Get("state")}}
}

func (p *idp) settings() OIDC {
	return OIDC{
		Issuer: p.URL, ClientID: "elara", Redirect: "https://desk.example/sign-in/return",
		ReviewerClaim: "email", RoleClaim: "groups", Judges: "clinicians", Approvers: "leads",
	}
}

func TestAPersonOfTheProviderBecomesAReviewer(t *testing.T) {
	p := newIDP(t)
	for name, test := range map[string]struct {
		claims map[string]any
		want   Role
		says   string
	}{
		"a judge":       {map[string]any{"groups": []string{"staff", "clinicians"}}, Judge, ""},
		"one group":     {map[string]any{"groups": "clinicians"}, Judge, ""},
		"an approver":   {map[string]any{"groups": []string{"leads"}}, Approver, ""},
		"in no group":   {nil, "", "is not among those who may judge"},
		"another group": {map[string]any{"groups": []string{"clinicians-x"}}, "", "is not among those who may judge"},
		"unverified":    {map[string]any{"groups": "clinicians", "email_verified": false}, "", "has not verified"},
		"no name":       {map[string]any{"groups": "clinicians", "email": ""}, "", "claim email"},
		"another desk":  {map[string]any{"groups": "leads", "aud": "other"}, "", "does not hold"},
		"expired":       {map[string]any{"groups": "leads", "exp": time.Now().Add(-time.Hour).Unix()}, "", "does not hold"},
		"another nonce": {map[string]any{"groups": "leads", "nonce": "x"}, "", "belongs to another sign-in"},
	} {
		t.Run(name, func(t *testing.T) {
			provider, err := Discover(t.Context(), p.settings())
			require.NoError(t, err)
			address, flow := provider.Begin(time.Now())
			person, err := provider.Finish(t.Context(), flow, p.goTo(t, address, test.claims), time.Now())
			if test.says != "" {
				require.ErrorContains(t, err, test.says)
				require.Equal(t, fault.Invalid, fault.KindOf(err))
				return
			}
			require.NoError(t, err)
			require.Equal(t, "a@example.org", person.Name)
			require.Equal(t, test.want, person.Role)
			require.Empty(t, person.Token)
		})
	}
}

func TestASignInThatWasNotBegunHereIsRefused(t *testing.T) {
	p := newIDP(t)
	provider, err := Discover(t.Context(), p.settings())
	require.NoError(t, err)
	address, flow := provider.Begin(time.Now())
	_, other := provider.Begin(time.Now())
	leads := map[string]any{"groups": "leads"}

	back := p.goTo(t, address, leads)
	_, err = provider.Finish(t.Context(), other, back, time.Now())
	require.ErrorContains(t, err, "was not begun here", "the state of another browser")
	_, err = provider.Finish(t.Context(), Flow{}, url.Values{"code": {"code"}}, time.Now())
	require.ErrorContains(t, err, "was not begun here", "no state at all")
	_, err = provider.Finish(t.Context(), flow, back, time.Now().Add(flowAge+time.Second))
	require.ErrorContains(t, err, "took more than", "too late")
	stolen := flow
	stolen.Verifier = other.Verifier
	_, err = provider.Finish(t.Context(), stolen, back, time.Now())
	require.ErrorContains(t, err, "exchange the code", "a code without the verifier that it was asked for with")
	_, err = provider.Finish(t.Context(), flow, url.Values{"state": back["state"], "error": {"access_denied"}}, time.Now())
	require.ErrorContains(t, err, "the provider refused")

	p.signs, err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	_, err = provider.Finish(t.Context(), flow, back, time.Now())
	require.ErrorContains(t, err, "does not hold", "signed by somebody else")
}

func TestAProviderThatDoesNotAnswerIsTransient(t *testing.T) {
	_, err := Discover(t.Context(), OIDC{Issuer: "http://127.0.0.1:1"})
	require.Equal(t, fault.Transient, fault.KindOf(err))
}
