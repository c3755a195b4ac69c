package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"elara/configs"
	"elara/desk"
	"elara/desk/access"
	"elara/internal/listen"
	"elara/spec/fault"
)

// deskFlags are those of elara desk.
type deskFlags struct {
	at         listen.Listening
	public     string
	oidc       access.OIDC
	secretFile string
}

func newDesk(a *app) *cobra.Command {
	var f deskFlags
	command := &cobra.Command{
		Use:   "desk",
		Short: "Serve the web pages where people compare answers and decide on candidates",
		Long: `Serve the desk: collections of preferences, answers side by side, candidates with their
report, and what the channels serve. elara up serves it too. People sign in with a
personal token (elara desk token add), or at a provider of OpenID Connect.

The desk listens on this machine alone unless --listen says otherwise; then it wants a
certificate, or --behind-proxy where a proxy of yours ends TLS and passes the Host on.`,
		Example: `  elara desk
  elara desk --listen 0.0.0.0:443 --tls-cert desk.pem --tls-key desk.key --url https://desk.example.org
  elara desk --url https://desk.example.org --behind-proxy --oidc-issuer https://sso.example.org --oidc-client-id elara`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withServer(cmd, func(ctx context.Context, t target, server client.Client) error { return f.serve(ctx, a, t, server) })
		},
	}
	flags := command.Flags()
	flags.StringVar(&f.at.Address, "listen", "127.0.0.1:7450", "HOST:PORT to listen on")
	flags.StringVar(&f.at.CertFile, "tls-cert", "", "certificate of the desk, PEM")
	flags.StringVar(&f.at.KeyFile, "tls-key", "", "its key, PEM")
	flags.BoolVar(&f.at.BehindProxy, "behind-proxy", false, "a proxy ends TLS in front of the desk, and adds X-Forwarded-For")
	flags.StringVar(&f.public, "url", "", "address at which people reach the desk; another host name is refused")
	flags.StringVar(&f.oidc.Issuer, "oidc-issuer", "", "provider of OpenID Connect, URL")
	flags.StringVar(&f.oidc.ClientID, "oidc-client-id", "", "name of the desk at the provider")
	flags.StringVar(&f.secretFile, "oidc-client-secret-file", "", "file whose content is the desk's secret at the provider; none: a public client")
	flags.StringVar(&f.oidc.ReviewerClaim, "oidc-reviewer-claim", "email", "claim that names the reviewer")
	flags.StringVar(&f.oidc.RoleClaim, "oidc-role-claim", "groups", "claim that says what somebody may do")
	flags.StringVar(&f.oidc.Judges, "oidc-judges", "", "value of that claim of those who may judge (default: all whom the provider lets in)")
	flags.StringVar(&f.oidc.Approvers, "oidc-approvers", "", "value of that claim of those who may approve (default: nobody)")
	command.AddCommand(newDeskToken(a))
	return command
}

// deskCommand is the command line of the desk of a stack.
func deskCommand(folder string) ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return []string{self, "desk", "--state", folder}, nil
}

// deskFolder is where a desk keeps its key and its audit log.
func (a *app) deskFolder() (string, error) {
	folder, err := a.state()
	return filepath.Join(folder, "desk"), err
}

func (f deskFlags) serve(ctx context.Context, a *app, t target, server client.Client) (err error) {
	if err := f.at.Check(); err != nil {
		return err
	}
	folder, err := a.deskFolder()
	if err != nil {
		return err
	}
	host, err := f.host()
	if err != nil {
		return err
	}
	store, err := t.store(ctx)
	if err != nil {
		return err
	}
	provider, err := f.provider(ctx)
	if err != nil {
		return err
	}
	pages, err := desk.New(desk.Options{
		Server: server, Store: store, Folder: folder, Provider: provider, Host: host,
		Secure: f.at.Secure(), BehindProxy: f.at.BehindProxy, Logger: slog.New(slog.NewTextHandler(a.err, nil)),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pages.Close()) }()
	return listen.Serve(ctx, f.at, pages.Handler(), func(address string) error {
		_, err := fmt.Fprintf(a.out, "Desk       %s\nAudit log  %s\n", cmp.Or(f.public, address), filepath.Join(folder, desk.AuditFile))
		return err
	})
}

// host is the name under which the desk answers.
func (f deskFlags) host() (string, error) {
	if f.public == "" {
		return f.at.Host(), nil
	}
	address, err := url.Parse(f.public)
	if err != nil || address.Host == "" || address.Path != "" && address.Path != "/" || address.Scheme != "https" && address.Scheme != "http" {
		return "", fault.New(fault.Invalid, "--url %s: expected https://HOST, with a port perhaps and without a path", f.public)
	}
	if f.at.Secure() && address.Scheme != "https" {
		return "", fault.New(fault.Invalid, "--url %s: people reach this desk over TLS, expected https", f.public)
	}
	return strings.ToLower(address.Hostname()), nil
}

// provider reaches the provider of OpenID Connect; nil where none was named.
func (f deskFlags) provider(ctx context.Context) (*access.Provider, error) {
	if f.oidc.Issuer == "" {
		return nil, nil
	}
	if f.oidc.ClientID == "" || f.public == "" {
		return nil, fault.New(fault.Invalid, "--oidc-issuer: expected --oidc-client-id and --url beside it")
	}
	if f.secretFile != "" {
		content, err := os.ReadFile(f.secretFile)
		if err != nil {
			return nil, fault.At(f.secretFile, 0, "%w", err)
		}
		f.oidc.Secret = configs.NewSecret(strings.TrimSpace(string(content)))
	}
	f.oidc.Redirect = strings.TrimSuffix(f.public, "/") + desk.ProviderPath
	return access.Discover(ctx, f.oidc)
}
