package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
	"elara/storage"
	"elara/storage/gateway"
	"elara/storage/s3"
)

func options(folder string) gateway.Options {
	return gateway.Options{Folder: folder, Address: "127.0.0.1:0", AccessKey: "known", SecretKey: "secret-words", Buckets: []string{"elara"}}
}

func start(t *testing.T, options gateway.Options) *gateway.Gateway {
	t.Helper()
	g, err := gateway.Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	return g
}

func open(t *testing.T, endpoint, prefix string) storage.Store {
	t.Helper()
	store, err := s3.Open(t.Context(), s3.Options{
		Endpoint: endpoint, Bucket: "elara", Prefix: prefix, PathStyle: true, AccessKey: "known", SecretKey: "secret-words",
		MaxAttempts: 1, // a write that a kill interrupts is not sent again
	})
	require.NoError(t, err)
	return store
}

func TestTheWorkingFolderStaysWhereItWas(t *testing.T) {
	before, err := os.Getwd()
	require.NoError(t, err)
	g := start(t, options(t.TempDir()))
	store := open(t, g.Endpoint(), "")
	_, err = storage.PutBytes(t.Context(), store, "a", []byte("x"), storage.Always())
	require.NoError(t, err)
	after, err := os.Getwd()
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestObjectsSurviveARestart(t *testing.T) {
	folder := t.TempDir()
	g, err := gateway.Start(t.Context(), options(folder))
	require.NoError(t, err)
	put, err := storage.PutBytes(t.Context(), open(t, g.Endpoint(), ""), "runs/a/latest.json", []byte("one"), storage.IfAbsent())
	require.NoError(t, err)
	require.NoError(t, g.Close())
	require.NoError(t, g.Close(), "closing twice is allowed")

	again := start(t, options(folder))
	store := open(t, again.Endpoint(), "")
	content, info, err := storage.ReadAll(t.Context(), store, "runs/a/latest.json")
	require.NoError(t, err)
	require.Equal(t, "one", string(content))
	require.Equal(t, put.ETag, info.ETag)
	_, err = storage.PutBytes(t.Context(), store, "runs/a/latest.json", []byte("two"), storage.IfMatch(put.ETag))
	require.NoError(t, err)
}

func TestCloseDoesNotWaitForIdleConnections(t *testing.T) {
	g, err := gateway.Start(t.Context(), options(t.TempDir()))
	require.NoError(t, err)
	idle, err := net.Dial("tcp", strings.TrimPrefix(g.Endpoint(), "http://"))
	require.NoError(t, err)
	defer func() { require.NoError(t, idle.Close()) }()
	open(t, g.Endpoint(), "") // comes after it; and its client keeps a connection
	begun := time.Now()
	require.NoError(t, g.Close())
	require.Less(t, time.Since(begun), 5*time.Second)
}

func TestAFolderIsServedOnce(t *testing.T) {
	folder := t.TempDir()
	start(t, options(folder))
	_, err := gateway.Start(t.Context(), options(folder))
	require.Equal(t, fault.Conflict, fault.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "served by another process")
}

func TestAPortInUseIsTold(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	o := options(t.TempDir())
	o.Address = taken.Addr().String()
	_, err = gateway.Start(t.Context(), o)
	require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "address already in use")
	start(t, options(o.Folder)) // nothing of the failed start is in the way
}

func TestBadOptionsAreRefused(t *testing.T) {
	for _, test := range []struct {
		says   string
		change func(*gateway.Options)
	}{
		{"no folder", func(o *gateway.Options) { o.Folder = "" }},
		{"access key", func(o *gateway.Options) { o.SecretKey = "" }},
		{"expected host:port", func(o *gateway.Options) { o.Address = "127.0.0.1" }},
		{"port", func(o *gateway.Options) { o.Address = "127.0.0.1:70000" }},
		{"other machines", func(o *gateway.Options) { o.Address = "0.0.0.0:9000" }},
		{"other machines", func(o *gateway.Options) { o.Address = ":9000" }},
		{"other machines", func(o *gateway.Options) { o.Address = "192.0.2.7:9000" }},
		{"bucket", func(o *gateway.Options) { o.Buckets = []string{"../up"} }},
	} {
		o := options(t.TempDir())
		test.change(&o)
		_, err := gateway.Start(t.Context(), o)
		require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
		require.ErrorContains(t, err, test.says)
	}
}

func TestAWrongSecretIsRefusedAndExplained(t *testing.T) {
	g := start(t, options(t.TempDir()))
	_, err := s3.Open(t.Context(), s3.Options{Endpoint: g.Endpoint(), Bucket: "elara", PathStyle: true, AccessKey: "known", SecretKey: "guessed"})
	require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "check the keys")
	answer, err := http.Get(g.Endpoint() + "/elara?list-type=2")
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
}

func TestAMissingBucketIsToldOrCreated(t *testing.T) {
	g := start(t, options(t.TempDir()))
	o := s3.Options{Endpoint: g.Endpoint(), Bucket: "other", PathStyle: true, AccessKey: "known", SecretKey: "secret-words"}
	_, err := s3.Open(t.Context(), o)
	require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
	require.ErrorContains(t, err, `bucket "other" at http://127.0.0.1`)
	require.ErrorContains(t, err, "does not exist")
	o.CreateBucket = true
	store, err := s3.Open(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, storage.Probe(t.Context(), store))
}

// TestKilledGatewayKeepsWhatItAcknowledged kills a gateway in the middle of writes, several times over one folder.
// Afterwards every acknowledged object is whole, and no object of any name is torn.
func TestKilledGatewayKeepsWhatItAcknowledged(t *testing.T) {
	const rounds, writers = 4, 6
	folder := t.TempDir()
	acknowledged := make(map[string]int)
	for round := range rounds {
		process, endpoint := spawn(t, folder)
		store := open(t, endpoint, "")
		type ack struct {
			key     string
			version int
		}
		acks := make(chan ack)
		done := make(chan struct{})
		for writer := range writers {
			go func() {
				defer func() { done <- struct{}{} }()
				for version := 1; ; version++ {
					key := fmt.Sprintf("round-%d/writer-%d/latest", round, writer)
					if version%3 == 0 {
						key = fmt.Sprintf("round-%d/writer-%d/object-%d", round, writer, version)
					}
					if _, err := storage.PutBytes(context.Background(), store, key, sealed(key, version), storage.Always()); err != nil {
						return
					}
					acks <- ack{key, version}
				}
			}()
		}
		for running, seen := writers, 0; running > 0; {
			select {
			case a := <-acks:
				acknowledged[a.key] = a.version
				if seen++; seen == 60 {
					require.NoError(t, process.Process.Signal(syscall.SIGKILL))
				}
			case <-done:
				running--
			}
		}
		require.ErrorContains(t, process.Wait(), "killed")
	}
	require.Greater(t, len(acknowledged), rounds*writers)

	g := start(t, options(folder))
	store := open(t, g.Endpoint(), "")
	for key, version := range acknowledged {
		content, _, err := storage.ReadAll(t.Context(), store, key)
		require.NoError(t, err)
		require.GreaterOrEqual(t, unseal(t, key, content), version, key)
	}
	for info, err := range store.List(t.Context(), "") {
		require.NoError(t, err)
		content, _, err := storage.ReadAll(t.Context(), store, info.Key)
		require.NoError(t, err)
		unseal(t, info.Key, content)
	}
	require.NoError(t, storage.Probe(t.Context(), store))
}

// sealed makes content of some 200 kB that proves to be whole and to belong to its key.
func sealed(key string, version int) []byte {
	body := bytes.Repeat(fmt.Appendf(nil, "%s %d|", key, version), 200_000/(len(key)+4))
	sum := sha256.Sum256(body)
	return fmt.Appendf(nil, "%x %d %s", sum, version, body)
}

func unseal(t *testing.T, key string, content []byte) (version int) {
	t.Helper()
	sum, rest, _ := bytes.Cut(content, []byte(" "))
	number, body, _ := bytes.Cut(rest, []byte(" "))
	require.Equal(t, fmt.Sprintf("%x", sha256.Sum256(body)), string(sum), "object %q is torn", key)
	require.True(t, bytes.HasPrefix(body, []byte(key+" ")), "object %q holds another", key)
	_, err := fmt.Sscan(string(number), &version)
	require.NoError(t, err)
	return version
}

const servedFolder = "ELARA_TEST_GATEWAY_FOLDER"

// spawn runs TestServe in a process of its own.
func spawn(t *testing.T, folder string) (*exec.Cmd, string) {
	t.Helper()
	process := exec.Command(os.Args[0], "-test.run=^TestServe$", "-test.v")
	process.Env = append(os.Environ(), servedFolder+"="+folder)
	process.Stderr = os.Stderr
	out, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if endpoint, found := strings.CutPrefix(lines.Text(), "serving "); found {
			return process, endpoint
		}
	}
	t.Fatal("the gateway's process ended before it served")
	return nil, ""
}

// TestServe is the process that TestKilledGatewayKeepsWhatItAcknowledged kills.
func TestServe(t *testing.T) {
	folder := os.Getenv(servedFolder)
	if folder == "" {
		t.Skip("it serves only as a process of another test")
	}
	g, err := gateway.Start(t.Context(), options(folder))
	require.NoError(t, err)
	fmt.Println("serving " + g.Endpoint())
	<-g.Done()
}
