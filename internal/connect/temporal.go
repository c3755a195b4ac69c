package connect

import (
	"context"

	"go.temporal.io/sdk/client"

	"elara/configs"
	"elara/spec/fault"
)

// Temporal connects to the server and makes sure that it answers. The options are the caller's own (logger, interceptors);
// where the server is and how it is reached is set here. No answer is Transient, a certificate that does not do Invalid.
func Temporal(ctx context.Context, at configs.TemporalSettings, options client.Options) (client.Client, error) {
	options.HostPort, options.Namespace = at.Address, at.Namespace
	if at.TLS.Enabled {
		encrypted, err := tlsConfig(at.TLS)
		if err != nil {
			return nil, err
		}
		options.ConnectionOptions.TLS = encrypted
	}
	if !at.APIKey.IsZero() {
		options.Credentials = client.NewAPIKeyStaticCredentials(at.APIKey.Reveal())
	}
	server, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fault.New(fault.Transient, "connect to Temporal at %s: %w", at.Address, err)
	}
	return server, nil
}

// Quiet is the logger of a client whose errors are all returned: nothing is left for it to say.
type Quiet struct{}

// Debug says nothing.
func (Quiet) Debug(string, ...any) {}

// Info says nothing.
func (Quiet) Info(string, ...any) {}

// Warn says nothing.
func (Quiet) Warn(string, ...any) {}

// Error says nothing.
func (Quiet) Error(string, ...any) {}
