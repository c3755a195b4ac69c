package connect

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"elara/configs"
	"elara/spec/fault"
)

// identity is a certificate with its key, in PEM.
type identity struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	cert, pem   string // the certificate and the key
}

// issue makes a certificate for 127.0.0.1; without a signer it is an authority that signs itself.
func issue(t *testing.T, name string, signer *identity) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: signer == nil,
		KeyUsage:    x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signing := template, key
	if signer != nil {
		parent, signing = signer.certificate, signer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signing)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	block := func(kind string, bytes []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
	}
	return identity{certificate, key, block("CERTIFICATE", der), block("PRIVATE KEY", secret)}
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// serve runs a Temporal front end that knows nothing but how to be reached: over TLS, from clients of the authority.
func serve(t *testing.T, authority identity) string {
	t.Helper()
	own := issue(t, "server", &authority)
	pair, err := tls.X509KeyPair([]byte(own.cert), []byte(own.pem))
	require.NoError(t, err)
	clients := x509.NewCertPool()
	clients.AddCert(authority.certificate)
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
	})))
	workflowservice.RegisterWorkflowServiceServer(server, &workflowservice.UnimplementedWorkflowServiceServer{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }() // it ends with Stop
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

func TestTemporalIsReachedWithCertificatesOfBothSides(t *testing.T) {
	authority, stranger := issue(t, "authority", nil), issue(t, "stranger", nil)
	own := issue(t, "client", &authority)
	at := configs.TemporalSettings{Address: serve(t, authority), Namespace: "elara", TLS: configs.TLSSettings{
		Enabled: true, CertFile: write(t, "client.pem", own.cert), KeyFile: write(t, "client.key", own.pem),
		CAFile: write(t, "ca.pem", "# two authorities\n"+stranger.cert+authority.cert),
	}}
	server, err := Temporal(t.Context(), at, client.Options{Logger: Quiet{}})
	require.NoError(t, err)
	server.Close()

	at.TLS.CAFile = write(t, "ca.pem", stranger.cert)
	_, err = Temporal(t.Context(), at, client.Options{Logger: Quiet{}})
	require.Equal(t, fault.Transient, fault.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "connect to Temporal at "+at.Address)
}

func TestCertificateFilesThatDoNotAreNamedWithTheirPlace(t *testing.T) {
	authority := issue(t, "authority", nil)
	other := issue(t, "other", nil)
	lines := strings.Count(authority.cert, "\n")
	garbage := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no certificate")}))
	missing := filepath.Join(t.TempDir(), "missing.pem")
	for name, test := range map[string]struct {
		tls  configs.TLSSettings
		line int // that the error names; 0: none
		says string
	}{
		"no such file of authorities": {configs.TLSSettings{CAFile: missing}, 0, "no such file or directory; expected PEM certificates"},
		"a folder of authorities":     {configs.TLSSettings{CAFile: filepath.Dir(missing)}, 0, "is a directory; expected PEM certificates"},
		"no PEM at all":               {configs.TLSSettings{CAFile: write(t, "ca.pem", "hello\n")}, 0, "holds no PEM block"},
		"the second does not parse":   {configs.TLSSettings{CAFile: write(t, "ca.pem", authority.cert+"\n"+garbage)}, lines + 2, "expected a PEM certificate: x509:"},
		"the second is cut":           {configs.TLSSettings{CAFile: write(t, "ca.pem", authority.cert+other.cert[:100])}, lines + 1, "cannot be read"},
		"a key among them":            {configs.TLSSettings{CAFile: write(t, "ca.pem", authority.pem)}, 1, `type "PRIVATE KEY"`},
		"no such certificate":         {configs.TLSSettings{CertFile: missing, KeyFile: missing}, 0, "no such file or directory; expected a PEM certificate"},
		"the key of another": {configs.TLSSettings{
			CertFile: write(t, "client.pem", authority.cert), KeyFile: write(t, "client.key", other.pem),
		}, 0, "expected a PEM certificate that fits the key"},
	} {
		t.Run(name, func(t *testing.T) {
			test.tls.Enabled = true
			_, err := Temporal(t.Context(), configs.TemporalSettings{Address: "127.0.0.1:1", TLS: test.tls}, client.Options{Logger: Quiet{}})
			require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
			require.ErrorContains(t, err, test.says)
			place := test.tls.CAFile + test.tls.CertFile // one of them is empty
			if test.line > 0 {
				place += ":" + strconv.Itoa(test.line)
			}
			var found *fault.Error
			require.True(t, errors.As(err, &found))
			require.Equal(t, place, found.Place)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}
