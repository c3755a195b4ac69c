package listen

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

func TestAServerAnswersToItsOwnNames(t *testing.T) {
	for host, want := range map[string]bool{"localhost:1": true, "127.0.0.1": true, "[::1]:7450": true, "evil.example": false, "evil.example:7450": false} {
		require.Equal(t, want, AnswersTo(Loopback, host), host)
		require.True(t, AnswersTo("", host))
	}
	require.True(t, AnswersTo("desk.example", "DESK.example:443"))
	require.False(t, AnswersTo("desk.example", "127.0.0.1:443"))
}

func TestOnlyThisMachinesNamesWhereNoOtherReachesIt(t *testing.T) {
	require.Equal(t, Loopback, Listening{Address: "127.0.0.1:0"}.Host())
	require.Empty(t, Listening{Address: "127.0.0.1:0", BehindProxy: true}.Host(), "the proxy passes on the name by which others ask")
	require.Empty(t, Listening{Address: "0.0.0.0:0", CertFile: "c", KeyFile: "k"}.Host())
}

func TestAServerThatOthersReachNeedsTLS(t *testing.T) {
	for name, test := range map[string]struct {
		at   Listening
		says string
	}{
		"loopback":       {Listening{Address: "127.0.0.1:0"}, ""},
		"by name":        {Listening{Address: "localhost:0"}, ""},
		"six":            {Listening{Address: "[::1]:0"}, ""},
		"all":            {Listening{Address: "0.0.0.0:0"}, "give --tls-cert and --tls-key, or --behind-proxy"},
		"empty host":     {Listening{Address: ":7450"}, "without TLS"},
		"a name":         {Listening{Address: "desk.example:1"}, "without TLS"},
		"with TLS":       {Listening{Address: "0.0.0.0:0", CertFile: "c", KeyFile: "k"}, ""},
		"behind a proxy": {Listening{Address: "0.0.0.0:0", BehindProxy: true}, ""},
		"half":           {Listening{Address: "127.0.0.1:0", CertFile: "c"}, "both of --tls-cert and --tls-key"},
		"no port":        {Listening{Address: "127.0.0.1"}, "expected HOST:PORT"},
	} {
		err := test.at.Check()
		if test.says == "" {
			require.NoError(t, err, name)
			continue
		}
		require.Equal(t, fault.Invalid, fault.KindOf(err), name)
		require.ErrorContains(t, err, test.says, name)
	}
}

func TestServeAnswersUntilItIsTold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	addresses, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- Serve(ctx, Listening{Address: "127.0.0.1:0"}, http.NotFoundHandler(), func(address string) error { addresses <- address; return nil })
	}()
	address := <-addresses
	got, err := http.Get(address)
	require.NoError(t, err)
	require.NoError(t, got.Body.Close())
	require.Equal(t, http.StatusNotFound, got.StatusCode)
	cancel()
	require.NoError(t, <-ended)
}
