package notify

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

var approval = spec.Notice{
	Kind: spec.NoticeApproval, Run: "winter", Workflow: "pipeline.winter", Channel: "stable", Digest: spec.Digest(strings.Repeat("c", 64)),
}

// TestSignatureIsThatOfStandardWebhooks takes the vector that the libraries of Standard Webhooks are tested with.
func TestSignatureIsThatOfStandardWebhooks(t *testing.T) {
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(testSecret, secretPrefix))
	require.NoError(t, err)
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)))
}

// receiver is a webhook on this machine that answers what a test says.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	heads  []http.Header
	bodies []string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{status: http.StatusNoContent}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		if err == nil {
			r.heads, r.bodies = append(r.heads, request.Header.Clone()), append(r.bodies, string(body))
		}
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func TestWebhookGetsNamesDigestsAndALinkOnly(t *testing.T) {
	r := newReceiver(t)
	n, err := New(Options{Desk: "https://desk.example.org/", Webhook: r.URL, Secret: testSecret})
	require.NoError(t, err)
	told, err := n.Notify(t.Context(), approval, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"webhook"}, told)

	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.bodies[0]), &got))
	require.Equal(t, map[string]any{
		"kind": "approval", "run": "winter", "workflow": "pipeline.winter", "channel": "stable", "digest": strings.Repeat("c", 64),
		"text": "run winter waits for a decision on candidate cccccccccccc for channel stable",
		"link": "https://desk.example.org/approvals/pipeline.winter",
	}, got)
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(testSecret, secretPrefix))
	require.NoError(t, err)
	head := r.heads[0]
	require.Equal(t, "application/json", head.Get("Content-Type"))
	require.Equal(t, signature(secret, head.Get("webhook-id"), head.Get("webhook-timestamp"), []byte(r.bodies[0])), head.Get("webhook-signature"))

	_, err = n.Notify(t.Context(), approval, nil)
	require.NoError(t, err)
	require.Equal(t, head.Get("webhook-id"), r.heads[1].Get("webhook-id"), "a retry is known by its ID")
	other := approval
	other.Run = "spring"
	_, err = n.Notify(t.Context(), other, nil)
	require.NoError(t, err)
	require.NotEqual(t, head.Get("webhook-id"), r.heads[2].Get("webhook-id"))
}

func TestWhetherTryingAgainHelps(t *testing.T) {
	r := newReceiver(t)
	n, err := New(Options{Webhook: r.URL, Secret: testSecret})
	require.NoError(t, err)
	for status, kind := range map[int]fault.Kind{
		http.StatusServiceUnavailable: fault.Transient, http.StatusTooManyRequests: fault.Transient,
		http.StatusUnauthorized: fault.Invalid, http.StatusFound: fault.Invalid,
	} {
		r.answers(status)
		_, err := n.Notify(t.Context(), approval, nil)
		require.Equal(t, kind, fault.KindOf(err), err)
	}
	r.Close()
	_, err = n.Notify(t.Context(), approval, nil)
	require.True(t, fault.Is(err, fault.Transient))
	require.NotContains(t, err.Error(), "http://", "the URL of a webhook may be a secret")
}

// postOffice is an SMTP server on this machine that takes one user and every letter, or refuses a recipient.
type postOffice struct {
	at      string
	letters chan string
	tls     *tls.Config // nil: it offers no STARTTLS
	mu      sync.Mutex
	refuse  string // what it says to RCPT; empty: it takes it
}

func (o *postOffice) refuses(with string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refuse = with
}

func (o *postOffice) toRecipient() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refuse != "" {
		return o.refuse
	}
	return "250 ok"
}

func newPostOffice(t *testing.T, encrypted *tls.Config) *postOffice {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	o := &postOffice{at: listener.Addr().String(), letters: make(chan string, 8), tls: encrypted}
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return // closed
			}
			o.serve(connection)
		}
	}()
	return o
}

func (o *postOffice) serve(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	lines, inClear := bufio.NewReader(connection), o.tls != nil
	say := func(text string) { _, _ = io.WriteString(connection, text+"\r\n") }
	say("220 post office")
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, rest, _ := strings.Cut(strings.TrimSpace(line), " "); strings.ToUpper(verb) {
		case "EHLO":
			if inClear {
				say("250-post office\r\n250 STARTTLS")
				continue
			}
			say("250-post office\r\n250 AUTH PLAIN")
		case "STARTTLS":
			say("220 go on")
			connection, inClear = tls.Server(connection, o.tls), false
			lines = bufio.NewReader(connection)
		case "AUTH":
			if rest != "PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00elara\x00hunter2")) {
				say("535 no")
				continue
			}
			say("235 yes")
		case "RCPT":
			say(o.toRecipient())
		case "DATA":
			say("354 go on")
			var letter strings.Builder
			for line = ""; line != ".\r\n"; {
				letter.WriteString(line)
				if line, err = lines.ReadString('\n'); err != nil {
					return
				}
			}
			o.letters <- letter.String()
			say("250 ok")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func mailOptions(o *postOffice) Options {
	return Options{
		Desk: "https://desk.example.org", MailServer: o.at, Sender: "elara@example.org", Recipients: []string{"a@example.org", "b@example.org"},
		User: "elara", Password: "hunter2",
	}
}

func TestMailHasALinkAndNoMoreThanTheWebhook(t *testing.T) {
	o := newPostOffice(t, nil)
	n, err := New(mailOptions(o))
	require.NoError(t, err)
	notice := spec.Notice{Kind: spec.NoticeDrift, Run: "winter", Channel: "stable", Audiences: []spec.Audience{spec.Patient, spec.Doctor}}
	told, err := n.Notify(t.Context(), notice, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"mail"}, told)
	letter, err := mail.ReadMessage(strings.NewReader(<-o.letters))
	require.NoError(t, err)
	require.Equal(t, "Elara: drift, run winter", letter.Header.Get("Subject"))
	to, err := letter.Header.AddressList("To")
	require.NoError(t, err)
	require.Len(t, to, 2)
	require.Regexp(t, `^<msg_[0-9a-f]{32}@example.org>$`, letter.Header.Get("Message-ID"))
	sent, err := letter.Header.Date()
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), sent, time.Minute)
	body, err := io.ReadAll(letter.Body)
	require.NoError(t, err)
	require.Equal(t, "what channel stable serves does significantly worse on new rows, audience patient, doctor (run winter).\r\n\r\nhttps://desk.example.org/releases\r\n", string(body))
}

func TestMailIsEncryptedWhereTheServerOffersIt(t *testing.T) {
	lender := httptest.NewTLSServer(nil) // for its certificate of 127.0.0.1
	t.Cleanup(lender.Close)
	o := newPostOffice(t, lender.TLS)
	p, err := newMail(mailOptions(o))
	require.NoError(t, err)
	require.ErrorContains(t, p.send(t.Context(), message{Notice: approval}), "certificate signed by unknown authority")
	require.Empty(t, o.letters)

	p.roots = x509.NewCertPool()
	p.roots.AddCert(lender.Certificate())
	require.NoError(t, p.send(t.Context(), message{Notice: approval}))
	require.Contains(t, <-o.letters, "Subject: Elara: approval, run winter\r\n")
}

func TestAMailThatIsRefusedSaysWhetherTryingAgainHelps(t *testing.T) {
	o := newPostOffice(t, nil)
	n, err := New(mailOptions(o))
	require.NoError(t, err)
	for refusal, kind := range map[string]fault.Kind{"550 no such user": fault.Invalid, "450 try later": fault.Transient} {
		o.refuses(refusal)
		_, err := n.Notify(t.Context(), approval, nil)
		require.Equal(t, kind, fault.KindOf(err), err)
	}
	o.refuses("")
	wrong := mailOptions(o)
	wrong.Password = "hunter3"
	n, err = New(wrong)
	require.NoError(t, err)
	_, err = n.Notify(t.Context(), approval, nil)
	require.True(t, fault.Is(err, fault.Invalid))
	require.NotContains(t, err.Error(), "hunter3")
	require.Empty(t, o.letters)
}

func TestWhatFailedIsTriedAgainAndNothingElse(t *testing.T) {
	o, r := newPostOffice(t, nil), newReceiver(t)
	options := mailOptions(o)
	options.Webhook, options.Secret = r.URL, testSecret
	n, err := New(options)
	require.NoError(t, err)
	r.answers(http.StatusForbidden)
	o.refuses("450 try later")
	told, err := n.Notify(t.Context(), approval, nil)
	require.Empty(t, told)
	require.True(t, fault.Is(err, fault.Transient), "the mail may get through, whatever becomes of the webhook: %v", err)

	r.answers(http.StatusOK)
	told, err = n.Notify(t.Context(), approval, told)
	require.Error(t, err)
	require.Equal(t, []string{"webhook"}, told)
	o.refuses("")
	told, err = n.Notify(t.Context(), approval, told)
	require.NoError(t, err)
	require.Equal(t, []string{"webhook", "mail"}, told)
	require.Len(t, r.bodies, 2)
	require.Len(t, o.letters, 1)
}

func TestOptionsThatLeadNowhereAreRefused(t *testing.T) {
	n, err := New(Options{Desk: "https://desk.example.org"})
	require.NoError(t, err)
	require.Nil(t, n, "nowhere to send to")
	for want, o := range map[string]Options{
		"expected both url and secret":                                  {Webhook: "https://example.org"},
		"expected whsec_ and base64 of 24 to 64 bytes":                  {Webhook: "https://example.org", Secret: "hunter2"},
		"expected server, sender and recipients":                        {MailServer: "127.0.0.1:25", Sender: "a@example.org"},
		"only one of user and password":                                 {MailServer: "127.0.0.1:25", Sender: "a@example.org", Recipients: []string{"b@example.org"}, User: "a"},
		`"b@example.org\r\nBcc: c@example.org" is no address, expected`: {MailServer: "127.0.0.1:25", Sender: "a@example.org", Recipients: []string{"b@example.org\r\nBcc: c@example.org"}},
	} {
		_, err := New(o)
		require.True(t, fault.Is(err, fault.Invalid))
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "hunter2")
	}
}
