package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"

	"go.temporal.io/sdk/client"

	"elara/configs"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/s3"
	"elara/telemetry"
)

// connect reaches the Temporal server and makes sure that it answers.
func connect(ctx context.Context, at configs.TemporalSettings, t *telemetry.Telemetry) (client.Client, error) {
	options := client.Options{HostPort: at.Address, Namespace: at.Namespace}
	if err := t.Instrument(&options); err != nil {
		return nil, err
	}
	if at.TLS.Enabled {
		config, err := tlsConfig(at.TLS)
		if err != nil {
			return nil, err
		}
		options.ConnectionOptions.TLS = config
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

func tlsConfig(s configs.TLSSettings) (*tls.Config, error) {
	config := &tls.Config{ServerName: s.ServerName, MinVersion: tls.VersionTLS12}
	if s.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
		if err != nil {
			return nil, fault.At(s.CertFile, 0, "expected a PEM certificate that fits the key %s: %w", s.KeyFile, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, fault.At(s.CAFile, 0, "expected PEM certificates: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.At(s.CAFile, 0, "expected PEM certificates")
		}
	}
	return config, nil
}

// openStore reaches the object store and refuses one that ignores conditions.
func openStore(ctx context.Context, at configs.S3Settings) (storage.Store, error) {
	store, err := s3.Open(ctx, s3.Options{
		Endpoint: at.Endpoint, Region: at.Region, Bucket: at.Bucket, Prefix: strings.TrimSuffix(at.Prefix, "/"),
		PathStyle: at.PathStyle, CreateBucket: at.CreateBucket,
		AccessKey: at.AccessKey.Reveal(), SecretKey: s3.Secret(at.SecretKey.Reveal()),
	})
	if err != nil {
		return nil, err
	}
	return store, storage.Probe(ctx, store)
}
