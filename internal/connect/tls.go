package connect

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"

	"elara/configs"
	"elara/spec/fault"
)

func tlsConfig(s configs.TLSSettings) (*tls.Config, error) {
	config := &tls.Config{ServerName: s.ServerName, MinVersion: tls.VersionTLS12}
	if s.CertFile != "" {
		pair, err := keyPair(s.CertFile, s.KeyFile)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if s.CAFile != "" {
		authorities, err := readAuthorities(s.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = authorities
	}
	return config, nil
}

// keyPair reads the client's certificate and key.
func keyPair(certFile, keyFile string) (tls.Certificate, error) {
	certificate, err := read(certFile, "a PEM certificate")
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := read(keyFile, "the PEM key of "+certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return tls.Certificate{}, fault.At(certFile, 0, "expected a PEM certificate that fits the key %s: %w", keyFile, err)
	}
	return pair, nil
}

// readAuthorities reads the certificates that a server's may be signed by: at least one, and each of them whole.
func readAuthorities(file string) (*x509.CertPool, error) {
	const expected = "PEM certificates"
	content, err := read(file, expected)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	found := 0
	for rest := content; ; found++ {
		begin := bytes.Index(rest, []byte("-----BEGIN"))
		if begin < 0 {
			break
		}
		line := 1 + bytes.Count(content[:len(content)-len(rest)+begin], []byte("\n"))
		block, after := pem.Decode(rest[begin:])
		if block == nil {
			return nil, fault.At(file, line, "a PEM block begins here that cannot be read; expected %s", expected)
		}
		if block.Type != "CERTIFICATE" {
			return nil, fault.At(file, line, "found a PEM block of type %q, expected %s only", block.Type, expected)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fault.At(file, line, "expected a PEM certificate: %w", err)
		}
		pool.AddCert(certificate)
		rest = after
	}
	if found == 0 {
		return nil, fault.At(file, 0, "holds no PEM block, expected %s", expected)
	}
	return pool, nil
}

// read gives the content of a file that the settings name. One that cannot be read is the settings' fault.
func read(file, expected string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err == nil {
		return content, nil
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err // the place is named already
	}
	return nil, fault.At(file, 0, "%w; expected %s", err, expected)
}
