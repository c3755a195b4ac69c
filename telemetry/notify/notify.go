package notify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"elara/spec"
	"elara/spec/fault"
)

// within bounds one attempt to send one message one way.
const within = 30 * time.Second

// Options say where notices go. The zero value is nowhere.
type Options struct {
	Desk string // URL at which people reach the desk, for links; empty: messages have none

	Webhook string // URL; empty: no webhook
	Secret  string // of the webhook, whsec_ and base64, as Standard Webhooks has it

	MailServer     string // host:port; empty: no mail
	Sender         string // address
	Recipients     []string
	User, Password string // both empty: the server wants none
}

// Notifier sends notices.
type Notifier struct {
	desk string
	ways []way
}

// way is one way to people.
type way struct {
	name string
	send func(context.Context, message) error
}

// message is a notice as it is sent.
type message struct {
	spec.Notice
	Text string `json:"text"`
	Link string `json:"link,omitempty"`
}

// New checks the options; nil without an error where there is nowhere to send to.
func New(o Options) (*Notifier, error) {
	n := &Notifier{desk: strings.TrimSuffix(o.Desk, "/")}
	if o.Webhook != "" || o.Secret != "" {
		hook, err := newWebhook(o)
		if err != nil {
			return nil, err
		}
		n.ways = append(n.ways, way{"webhook", hook.send})
	}
	if o.MailServer != "" || o.Sender != "" || len(o.Recipients) > 0 || o.User != "" || o.Password != "" {
		post, err := newMail(o)
		if err != nil {
			return nil, err
		}
		n.ways = append(n.ways, way{"mail", post.send})
	}
	if len(n.ways) == 0 {
		return nil, nil // as said
	}
	return n, nil
}

// Notify sends a notice every way but those that an earlier attempt has told already, and gives the ways that have told it
// now. The error is that of the ways that failed: Transient where trying again may help one of them.
func (n *Notifier) Notify(ctx context.Context, notice spec.Notice, told []string) ([]string, error) {
	m := message{Notice: notice, Text: notice.Text(), Link: n.link(notice)}
	told = slices.Clone(told)
	var again, final []error // the kind of the first of a joined error counts
	for _, w := range n.ways {
		if slices.Contains(told, w.name) {
			continue
		}
		attempt, cancel := context.WithTimeout(ctx, within)
		err := w.send(attempt, m)
		cancel()
		if err == nil {
			told = append(told, w.name)
			continue
		}
		if err = fmt.Errorf("%s: %w", w.name, err); fault.Is(err, fault.Transient) {
			again = append(again, err)
		} else {
			final = append(final, err)
		}
	}
	return told, errors.Join(append(again, final...)...)
}

// link is the page of the desk that the notice is about.
func (n *Notifier) link(notice spec.Notice) string {
	if n.desk == "" {
		return ""
	}
	switch notice.Kind {
	case spec.NoticeApproval, spec.NoticeExpiry:
		return n.desk + "/approvals/" + url.PathEscape(notice.Workflow)
	case spec.NoticeVerdict:
		return n.desk + "/reports/" + string(notice.Digest)
	case spec.NoticePreferences:
		return n.desk + "/collections/" + string(notice.Run)
	case spec.NoticeDrift, spec.NoticeTakenBack:
		return n.desk + "/releases"
	}
	return ""
}

// id is the same for each attempt at one message.
func (m message) id() (string, error) {
	content, err := json.Marshal(m)
	if err != nil {
		return "", fault.New(fault.Invalid, "encode the message: %w", err)
	}
	return "msg_" + string(spec.DigestOf(sha256.Sum256(content)))[:32], nil
}
