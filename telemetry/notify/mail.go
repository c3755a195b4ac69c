package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"elara/spec/fault"
)

// postman sends plain mails over SMTP, encrypted where the server offers it (STARTTLS).
type postman struct {
	server, host string
	sender       string
	recipients   []string
	auth         smtp.Auth      // nil: the server wants none
	roots        *x509.CertPool // nil: the system's
	now          func() time.Time
}

func newMail(o Options) (*postman, error) {
	if o.MailServer == "" || o.Sender == "" || len(o.Recipients) == 0 {
		return nil, fault.New(fault.Invalid, "notify.mail: expected server, sender and recipients")
	}
	if (o.User == "") != (o.Password == "") {
		return nil, fault.New(fault.Invalid, "notify.mail: only one of user and password is given, expected both or neither")
	}
	host, _, err := net.SplitHostPort(o.MailServer)
	if err != nil {
		return nil, fault.New(fault.Invalid, "notify.mail.server: %w", err)
	}
	for _, address := range append([]string{o.Sender}, o.Recipients...) {
		if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address {
			return nil, fault.New(fault.Invalid, "notify.mail: %q is no address, expected name@host", address)
		}
	}
	p := &postman{server: o.MailServer, host: host, sender: o.Sender, recipients: o.Recipients, now: time.Now}
	if o.User != "" {
		p.auth = smtp.PlainAuth("", o.User, o.Password, host) // refuses to send it in clear text, but to this machine
	}
	return p, nil
}

func (p *postman) send(ctx context.Context, m message) error {
	letter, err := p.letter(m)
	if err != nil {
		return err
	}
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", p.server)
	if err != nil {
		return fault.New(fault.Transient, "%w", err)
	}
	if end, bounded := ctx.Deadline(); bounded {
		if err := connection.SetDeadline(end); err != nil {
			return errors.Join(fault.New(fault.Transient, "%w", err), connection.Close())
		}
	}
	client, err := smtp.NewClient(connection, p.host)
	if err != nil {
		return errors.Join(smtpFault(err), connection.Close())
	}
	if err := p.hand(client, letter); err != nil {
		_ = client.Close() // what went wrong is known
		return smtpFault(err)
	}
	_ = client.Quit() // the letter is accepted
	return nil
}

// hand goes through the conversation up to the server's word that it has the letter.
func (p *postman) hand(client *smtp.Client, letter []byte) error {
	if offered, _ := client.Extension("STARTTLS"); offered {
		if err := client.StartTLS(&tls.Config{ServerName: p.host, RootCAs: p.roots, MinVersion: tls.VersionTLS12}); err != nil {
			return err
		}
	}
	if p.auth != nil {
		if err := client.Auth(p.auth); err != nil {
			return err
		}
	}
	if err := client.Mail(p.sender); err != nil {
		return err
	}
	for _, recipient := range p.recipients {
		if err := client.Rcpt(recipient); err != nil {
			return err
		}
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := body.Write(letter); err != nil {
		return errors.Join(err, body.Close())
	}
	return body.Close()
}

// letter is the mail. Names of runs, channels and audiences hold letters, digits and hyphens only, so that none ends a line.
func (p *postman) letter(m message) ([]byte, error) {
	id, err := m.id()
	if err != nil {
		return nil, err
	}
	lines := []string{
		"From: " + p.sender,
		"To: " + strings.Join(p.recipients, ", "),
		"Subject: Elara: " + string(m.Kind) + ", run " + string(m.Run),
		"Date: " + p.now().UTC().Format(time.RFC1123Z),
		"Message-ID: <" + id + "@" + p.sender[strings.LastIndexByte(p.sender, '@')+1:] + ">",
		"Auto-Submitted: auto-generated",
		"MIME-Version: 1.0",
		"Content-Type: text/plain; charset=us-ascii",
		"",
		m.Text + ".",
	}
	if m.Digest != "" {
		lines = append(lines, "", fmt.Sprintf("Digest: %s", m.Digest))
	}
	if m.Link != "" {
		lines = append(lines, "", m.Link)
	}
	return []byte(strings.Join(lines, "\r\n") + "\r\n"), nil
}

// smtpFault tells a refusal for good (5yz) from one for now.
func smtpFault(err error) error {
	var refusal *textproto.Error
	if errors.As(err, &refusal) && refusal.Code >= 500 {
		return fault.New(fault.Invalid, "the server refuses: %w", err)
	}
	return fault.New(fault.Transient, "%w", err)
}
