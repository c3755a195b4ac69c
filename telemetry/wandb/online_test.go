package wandb

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// server is W&B as far as this package uses it; tests/peer/monitoring/stub.py is the same for W&B's own client.
type server struct {
	*httptest.Server

	mu       sync.Mutex
	history  []string       // by line number
	bodies   []transmission // of the file stream
	config   string
	refuse   int // status to answer with; 0: none
	arrivals chan int
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{arrivals: make(chan int, 100)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, key, _ := r.BasicAuth()
	body, err := io.ReadAll(r.Body)
	if err != nil || key != "k" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if s.refuse != 0 {
		w.WriteHeader(s.refuse)
		s.arrivals <- -1
		return
	}
	if r.URL.Path == "/files/clinic/elara-medical-lora/demo-1-patient/file_stream" {
		var t transmission
		if json.Unmarshal(body, &t) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.bodies = append(s.bodies, t)
		part := t.Files[historyFile]
		if part.Offset > len(s.history) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if len(part.Content) > 0 {
			s.history = append(s.history[:part.Offset], part.Content...)
		}
		s.arrivals <- len(s.history)
		return
	}
	var call struct {
		Query     string
		Variables map[string]any
	}
	if json.Unmarshal(body, &call) != nil || r.URL.Path != "/graphql" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	answer := `{"data":{"model":{"bucket":null}}}`
	switch tail, _ := json.Marshal(s.history[max(0, len(s.history)-1):]); {
	case strings.Contains(call.Query, "upsertBucket"):
		s.config = call.Variables["config"].(string)
		answer = `{"data":{"upsertBucket":{"bucket":{"name":"demo-1-patient","project":{"name":"elara-medical-lora","entity":{"name":"clinic"}}}}}}`
	case len(s.history) > 0:
		quoted, _ := json.Marshal(string(tail))
		answer = `{"data":{"model":{"bucket":{"historyLineCount":` + string(mustJSON(len(s.history))) + `,"historyTail":` + string(quoted) + `}}}}`
	}
	_, _ = io.WriteString(w, answer)
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

func (s *server) set(refuse int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = refuse
}

func (s *server) steps(t *testing.T) []int64 {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	found := []int64{}
	for _, line := range s.history {
		var at struct {
			Step int64 `json:"_step"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &at))
		found = append(found, at.Step)
	}
	return found
}

// quick is a pace for tests: nothing waits for long.
func quick() pace {
	return pace{batch: time.Millisecond, alive: time.Hour, firstWait: time.Millisecond, longest: 4 * time.Millisecond, closing: 10 * time.Second, moment: 10 * time.Second}
}

type notices struct {
	mu    sync.Mutex
	lines []string
}

func (n *notices) add(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, line)
}

func (n *notices) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string{}, n.lines...)
}

func TestPointsReachTheServerOnceAndInOrder(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := newServer(t)
	defer s.Close()
	var said notices
	dir := t.TempDir()
	sink, err := open(dir, attempt(begun(), 2), Options{Key: NewKey("k"), Server: s.URL, Notice: said.add}, quick())
	require.NoError(t, err)
	require.Equal(t, 2, <-s.arrivals)
	require.NoError(t, errors.Join(sink.Write(point(3)), sink.Write(point(4)), sink.Close(true)))
	require.Equal(t, []int64{1, 2, 3, 4}, s.steps(t))
	require.Equal(t, `{"train/loss":3,"_step":2,"_timestamp":1795338002.250,"_runtime":2.000}`, s.history[1])
	require.JSONEq(t, `{"max_length":{"value":512},"seed":{"value":null}}`, s.config)
	last := s.bodies[len(s.bodies)-1]
	require.NotNil(t, last.Complete)
	require.True(t, *last.Complete)
	require.Equal(t, 0, *last.ExitCode)
	require.Empty(t, said.all())
	require.FileExists(t, filepath.Join(sink.Folder(), "run-demo-1-patient.wandb.synced"))
	require.Empty(t, steps(t, sink.Folder()), "wandb sync has nothing left to send")
}

func TestResumedRunGoesOnBehindWhatTheServerHas(t *testing.T) {
	s := newServer(t)
	for _, p := range points(1, 2, 3, 4) { // an attempt that was killed after step 4; the checkpoint is of step 2
		line, err := historyLine(curve().Run, p)
		require.NoError(t, err)
		s.history = append(s.history, line)
	}
	sink, err := open(t.TempDir(), attempt(begun(), 2), Options{Key: NewKey("k"), Server: s.URL}, quick())
	require.NoError(t, err)
	for step := range int64(4) {
		require.NoError(t, sink.Write(point(step+3)))
	}
	require.NoError(t, sink.Close(false))
	require.Equal(t, []int64{1, 2, 3, 4, 5, 6}, s.steps(t))
	for _, body := range s.bodies {
		require.Nil(t, body.Complete, "the training is not done")
	}
	require.NoFileExists(t, filepath.Join(sink.Folder(), "run-demo-1-patient.wandb.synced"))
}

func TestServerThatFailsForAWhileGetsEverythingLater(t *testing.T) {
	s := newServer(t)
	s.set(http.StatusServiceUnavailable)
	var said notices
	sink, err := open(t.TempDir(), attempt(begun(), 1), Options{Key: NewKey("k"), Server: s.URL, Notice: said.add}, quick())
	require.NoError(t, err)
	for range 3 {
		require.Equal(t, -1, <-s.arrivals)
	}
	require.NoError(t, sink.Write(point(2)))
	s.set(0)
	for lines := 0; lines < 2; {
		lines = <-s.arrivals
	}
	require.NoError(t, errors.Join(sink.Write(point(3)), sink.Close(true)))
	require.Equal(t, []int64{1, 2, 3}, s.steps(t))
	require.Len(t, said.all(), 1, "it is said once")
}

func TestServerThatIsGoneLeavesTheRestForLater(t *testing.T) {
	s := newServer(t)
	var said notices
	dir := t.TempDir()
	sink, err := open(dir, attempt(begun(), 2), Options{Key: NewKey("k"), Server: s.URL, Notice: said.add}, quick())
	require.NoError(t, err)
	require.Equal(t, 2, <-s.arrivals)
	s.Close()
	require.NoError(t, errors.Join(sink.Write(point(3)), sink.Write(point(4)), sink.Close(true)))
	require.Equal(t, []int64{3, 4}, steps(t, sink.Folder()), "wandb sync appends to what the server has")
	require.NoFileExists(t, filepath.Join(sink.Folder(), "run-demo-1-patient.wandb.synced"))
	require.Len(t, said.all(), 1)
	require.Contains(t, said.all()[0], "the training goes on, every point is in "+sink.Folder()+", and wandb sync sends it later")
	sent, err := readSent(dir, "demo-1-patient")
	require.NoError(t, err)
	require.Equal(t, int64(2), sent)
	sent, err = readSent(dir, "another")
	require.NoError(t, err)
	require.Zero(t, sent)
}

func TestRefusedKeyIsSaidOnceAndNotTriedAgain(t *testing.T) {
	s := newServer(t)
	var said notices
	sink, err := open(t.TempDir(), attempt(begun(), 2), Options{Key: NewKey("a-wrong-one"), Server: s.URL, Notice: said.add}, quick())
	require.NoError(t, err)
	<-sink.online.ended
	require.NoError(t, errors.Join(sink.Write(point(3)), sink.Close(true)))
	require.Equal(t, []int64{1, 2, 3}, steps(t, sink.Folder()))
	require.Len(t, said.all(), 1)
	require.Contains(t, said.all()[0], "does not take the curve (the server answers 401 Unauthorized)")
	require.NotContains(t, said.all()[0], "wrong")
}

func TestClosingDoesNotWaitForAServerThatHangs(t *testing.T) {
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer hanging.Close()
	defer close(release)
	p := quick()
	p.closing = 50 * time.Millisecond
	var said notices
	sink, err := open(t.TempDir(), curve(), Options{Key: NewKey("k"), Server: hanging.URL, Notice: said.add}, p)
	require.NoError(t, err)
	began := time.Now()
	require.NoError(t, errors.Join(sink.Write(point(1)), sink.Close(true)))
	require.Less(t, time.Since(began), requestWithin/2)
	require.Equal(t, []int64{1}, steps(t, sink.Folder()))
	require.Len(t, said.all(), 1)
}

func TestSilentRunSaysThatItLives(t *testing.T) {
	s := newServer(t)
	p := quick()
	p.alive = time.Millisecond
	sink, err := open(t.TempDir(), attempt(begun(), 1), Options{Key: NewKey("k"), Server: s.URL}, p)
	require.NoError(t, err)
	for range 3 {
		require.Equal(t, 1, <-s.arrivals)
	}
	require.NoError(t, sink.Close(false))
	require.Empty(t, s.bodies[1].Files)
}

func TestManyPointsGoInSeveralCalls(t *testing.T) {
	s := newServer(t)
	sink, err := open(t.TempDir(), attempt(begun(), 2*mostPoints+1), Options{Key: NewKey("k"), Server: s.URL}, quick())
	require.NoError(t, err)
	require.NoError(t, sink.Close(true))
	require.Len(t, s.steps(t), 2*mostPoints+1)
	require.Len(t, s.bodies, 3)
}

func TestTornMemoryOfWhatWasSentIsNamed(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, sentFile), []byte(`{"run":`), 0o600))
	_, err := Open(dir, curve(), Options{})
	require.ErrorContains(t, err, sentFile)
}
