package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"elara/data/preference"
	"elara/desk/access"
	"elara/desk/audit"
	"elara/internal/listen"
	"elara/spec"
	"elara/storage/artifact"
	"elara/storage/mem"
	"elara/workflows"

	common "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
)

// served is a Temporal server that a test plays.
type served struct {
	client.Client // what is not played is not called
	mu            sync.Mutex
	pair          preference.Pair
	set           spec.ArtifactRef
	pipeline      spec.PipelineStatus
	told          []any // arguments of Updates
	update        func(argument any) (any, error)
	query         error // why none is answered
}

const queried = "preferences.cough"

func (s *served) QueryWorkflow(_ context.Context, workflow, _, query string, _ ...any) (converter.EncodedValue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.query != nil {
		return nil, s.query
	}
	switch {
	case workflow == queried && query == workflows.NextPairQuery:
		return value{spec.NextPair{Collection: "cough", Pair: s.pair.Digest(), Number: 1, First: spec.PrefersB, Left: 3}}, nil
	case workflow == queried && query == workflows.AgreementQuery:
		alpha := 0.75
		return value{spec.AgreementResult{Nominal: &alpha, Reviewers: []spec.ReviewerView{{Reviewer: "Person A", Judged: 4, First: 4}}}}, nil
	case workflow == queried:
		return value{spec.PreferencesStatus{Run: "cough", Name: "Cough", Open: true, Pairs: 3, Judged: 4, Wanted: 9, Sets: []spec.ArtifactRef{s.set}}}, nil
	default:
		return value{s.pipeline}, nil
	}
}

func (s *served) UpdateWorkflow(_ context.Context, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, options.Args[0])
	answer, err := s.update(options.Args[0])
	if err != nil {
		return nil, err
	}
	return handle{value: answer}, nil
}

func (s *served) ListWorkflow(_ context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	id := queried
	if strings.Contains(request.Query, workflows.PipelineWorkflow) {
		id = workflows.PipelineID("winter")
	}
	return &workflowservice.ListWorkflowExecutionsResponse{
		Executions: []*workflowpb.WorkflowExecutionInfo{{Execution: &common.WorkflowExecution{WorkflowId: id}}},
	}, nil
}

// value and handle give back what they were made of, by way of JSON as Temporal does.
type value struct{ any }

func (v value) HasValue() bool { return true }

func (v value) Get(into any) error {
	text, err := json.Marshal(v.any)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

type handle struct {
	client.WorkflowUpdateHandle
	value any
}

func (h handle) Get(_ context.Context, into any) error { return value{h.value}.Get(into) }

// scene is a desk with a server behind it and a browser before it.
type scene struct {
	*served
	desk    *Desk
	http    *httptest.Server
	folder  string
	browser *http.Client
}

const secretText = "a patient of ward 7 <script>alert(1)</script>"

func newScene(t *testing.T, change func(*Options)) *scene {
	t.Helper()
	s := &scene{folder: filepath.Join(t.TempDir(), "desk"), served: &served{
		pair: preference.Pair{Prompt: preference.Prompt{Text: secretText}, ResponseA: "the first", ResponseB: "the second"},
		update: func(argument any) (any, error) {
			if j, is := argument.(spec.Judgement); is {
				return spec.RecordedJudgement{Pair: j.Pair, Number: j.Number, Reviewer: j.Reviewer, JudgedAt: aMoment}, nil
			}
			return argument, nil
		},
	}}
	store := mem.New()
	var lines bytes.Buffer
	require.NoError(t, preference.WritePairs(&lines, []preference.Pair{s.pair}))
	var err error
	s.set, err = artifact.PublishBytes(t.Context(), store, spec.KindPairs, map[string][]byte{preference.PairsFile: lines.Bytes()}, nil, nil)
	require.NoError(t, err)
	report, err := artifact.PublishBytes(t.Context(), store, spec.KindReport, map[string][]byte{"report.html": []byte("<script>x()</script>")}, nil, nil)
	require.NoError(t, err)
	s.pipeline = spec.PipelineStatus{
		Channel: "stable",
		Run:     "winter", Name: "Winter", Stage: spec.StageApproval, Report: report, Scores: []spec.AdapterScore{{Adapter: "patient", Rows: 4}},
		Candidate: spec.ArtifactRef{Kind: spec.KindCandidate, Digest: spec.Digest(strings.Repeat("c", 64))},
	}
	options := Options{Server: s.served, Store: store, Folder: s.folder, Host: listen.Loopback, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&options)
	}
	s.desk, err = New(options)
	require.NoError(t, err)
	s.http = httptest.NewServer(s.desk.Handler())
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	s.browser = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		s.http.Close()
		_ = s.desk.Close() // a test may have closed it
	})
	return s
}

// answer is what a browser got.
type answer struct {
	status int
	header http.Header
	page   string
}

func (s *scene) send(t *testing.T, method, path string, form url.Values, header map[string]string) answer {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(t.Context(), method, s.http.URL+path, body)
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, value := range header {
		if name == "Host" {
			request.Host = value
		}
		request.Header.Set(name, value)
	}
	got, err := s.browser.Do(request)
	require.NoError(t, err)
	page, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	require.NoError(t, got.Body.Close())
	return answer{got.StatusCode, got.Header, string(page)}
}

func (s *scene) get(t *testing.T, path string) answer {
	t.Helper()
	return s.send(t, http.MethodGet, path, nil, nil)
}

func (s *scene) post(t *testing.T, path string, form url.Values) answer {
	t.Helper()
	return s.send(t, http.MethodPost, path, form, map[string]string{"Sec-Fetch-Site": "same-origin"})
}

// signIn lets somebody in, and gives the ID of the token.
func (s *scene) signIn(t *testing.T, reviewer string, role access.Role) string {
	t.Helper()
	token, err := s.desk.book.Add(t.Context(), reviewer, role)
	require.NoError(t, err)
	require.Equal(t, http.StatusSeeOther, s.post(t, "/sign-in", url.Values{"token": {token}, "next": {"/"}}).status)
	return strings.Split(token, "_")[1]
}

func (s *scene) judgement(reason string) url.Values {
	return url.Values{"pair": {string(s.pair.Digest())}, "number": {"1"}, "choice": {"A"}, "reason": {reason}, "reviewer": {"somebody else"}}
}

// lines reads the audit log.
func (s *scene) lines(t *testing.T) (entries []audit.Entry, text string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(s.folder, AuditFile))
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		var e audit.Entry
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		entries = append(entries, e)
	}
	return entries, string(content)
}
