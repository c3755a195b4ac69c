package desk

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"elara/desk/access"
	"elara/desk/audit"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
	"elara/storage/cas"
)

var aMoment = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func TestAJudgementCarriesTheNameOfWhoeverIsSignedIn(t *testing.T) {
	s := newScene(t, nil)
	token := s.signIn(t, "Person A", access.Judge)
	got := s.post(t, "/collections/cough/judge", s.judgement("misses\r\nthe red flags"))
	require.Equal(t, http.StatusSeeOther, got.status)
	require.Len(t, s.told, 1)
	j := s.told[0].(spec.Judgement)
	require.Equal(t, "Person A", j.Reviewer)
	require.Equal(t, spec.ChoiceA, j.Choice)
	words, err := cas.Read(t.Context(), s.desk.Store, j.Reason)
	require.NoError(t, err)
	require.Equal(t, "misses\nthe red flags", string(words))

	require.Contains(t, s.get(t, got.header.Get("Location")).page, "Your judgement of pair 1 is kept.")

	entries, text := s.lines(t)
	require.Len(t, entries, 3)
	require.Equal(t, audit.SignIn, entries[0].What)
	require.Equal(t, []string{audit.Asked, audit.Done}, []string{entries[1].Outcome, entries[2].Outcome})
	require.Equal(t, "token "+token, entries[2].By)
	require.Equal(t, s.pair.Digest(), entries[2].Digest)
	require.Equal(t, "127.0.0.1", entries[2].From)
	for _, secret := range []string{"red flags", "ward 7", "the first"} {
		require.NotContains(t, text, secret)
	}
}

func TestTheSameSaidTwiceIsToldAsSuch(t *testing.T) {
	s := newScene(t, nil)
	s.signIn(t, "Person A", access.Judge)
	s.update = func(any) (any, error) { return spec.RecordedJudgement{Number: 1}, nil }
	got := s.post(t, "/collections/cough/judge", s.judgement(""))
	require.Contains(t, s.get(t, got.header.Get("Location")).page, "You had said so of pair 1 before.")
	entries, _ := s.lines(t)
	require.Equal(t, audit.SaidBefore, entries[2].Outcome)
}

func TestNothingIsConfirmedThatTheWorkflowHasNotTaken(t *testing.T) {
	refused := func(kind fault.Kind, words string) error {
		return temporal.NewApplicationError(words, string(kind))
	}
	for name, test := range map[string]struct {
		err     error
		status  int
		says    string
		again   bool
		outcome string
	}{
		"said otherwise before": {refused(fault.Conflict, "Person A has judged pair 1 already"), 409, "Person A has judged pair 1 already.", false, audit.Refused},
		"a stale page":          {refused(fault.Conflict, "the judgement of pair 1 is stale"), 409, "The judgement of pair 1 is stale.", false, audit.Refused},
		"not a reviewer":        {refused(fault.NotFound, "Person A is not among the reviewers"), 404, "Person A is not among the reviewers.", false, audit.Refused},
		"the store is away":     {refused(fault.Transient, "waits for its store"), 503, "send", true, audit.Unknown},
		"no server":             {serviceerror.NewUnavailable("no"), 503, "The server has not answered.", true, audit.Unknown},
		"no answer in time":     {client.NewWorkflowUpdateServiceTimeoutOrCanceledError(errors.New("late")), 503, "The server has not answered.", true, audit.Unknown},
		"anything else":         {errors.New("secret path /x"), 500, "The desk could not do this.", true, audit.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, nil)
			s.signIn(t, "Person A", access.Judge)
			s.update = func(any) (any, error) { return nil, test.err }
			got := s.post(t, "/collections/cough/judge", s.judgement("typed <b>words</b>"))
			require.Equal(t, test.status, got.status)
			require.Contains(t, strings.ToLower(got.page), strings.ToLower(test.says))
			require.Contains(t, got.page, "typed &lt;b&gt;words&lt;/b&gt;", "what was typed is on the page")
			require.NotContains(t, got.page, "secret path")
			require.Equal(t, test.again, strings.Contains(got.page, "Send it again</button>"))
			require.Equal(t, test.again, strings.Contains(got.page, string(s.pair.Digest())), "it can be sent again from this page")
			entries, _ := s.lines(t)
			require.Equal(t, test.outcome, entries[len(entries)-1].Outcome)
		})
	}
}

func TestWhatCannotBeWrittenDownIsNotDone(t *testing.T) {
	s := newScene(t, nil)
	s.signIn(t, "Person A", access.Approver)
	require.NoError(t, s.desk.Close())
	got := s.post(t, "/collections/cough/judge", s.judgement("words"))
	require.Equal(t, http.StatusInternalServerError, got.status)
	require.Contains(t, got.page, "words")
	require.Empty(t, s.told)
}

func TestNobodyReadsOrSaysAnythingWithoutSigningIn(t *testing.T) {
	s := newScene(t, nil)
	for _, path := range []string{"/", "/collections", "/collections/cough", "/collections/cough/compare", "/approvals", "/approvals/pipeline.winter", "/releases", "/reports/" + string(s.pipeline.Report.Digest)} {
		got := s.get(t, path)
		require.Equal(t, http.StatusSeeOther, got.status, path)
		require.Equal(t, "/sign-in?next="+url.QueryEscape(path), got.header.Get("Location"))
	}
	got := s.post(t, "/collections/cough/judge", s.judgement("typed"))
	require.Equal(t, http.StatusUnauthorized, got.status)
	require.Contains(t, got.page, "typed")
	require.Empty(t, s.told)
}

func TestARevokedTokenAndASignOutEndASessionAtOnce(t *testing.T) {
	s := newScene(t, nil)
	token := s.signIn(t, "Person A", access.Judge)
	require.Equal(t, http.StatusOK, s.get(t, "/collections").status)
	address, err := url.Parse(s.http.URL)
	require.NoError(t, err)
	stolen := s.browser.Jar.Cookies(address)
	require.Equal(t, http.StatusSeeOther, s.post(t, "/sign-out", nil).status)
	s.browser.Jar.SetCookies(address, stolen)
	require.Equal(t, http.StatusSeeOther, s.get(t, "/collections").status, "a copy of the cookie is worth nothing")

	s.signIn(t, "Person A", access.Judge)
	require.Equal(t, http.StatusOK, s.get(t, "/collections").status)
	tokens, err := s.desk.book.Tokens(t.Context())
	require.NoError(t, err)
	require.Equal(t, token, tokens[0].ID)
	require.NoError(t, s.desk.book.Revoke(t.Context(), tokens[1].ID))
	require.Equal(t, http.StatusSeeOther, s.get(t, "/collections").status)
}

func TestADecisionTakesAnApprover(t *testing.T) {
	s := newScene(t, nil)
	form := url.Values{"verdict": {"approved"}, "candidate": {string(s.pipeline.Candidate.Digest)}, "reason": {"checked\r\nthe doses\r\n"}}
	s.signIn(t, "Person A", access.Judge)
	require.NotContains(t, s.get(t, "/approvals/pipeline.winter").page, "Record this decision")
	require.Equal(t, http.StatusForbidden, s.post(t, "/approvals/pipeline.winter/decide", form).status)
	require.Empty(t, s.told)

	s.signIn(t, "Person B", access.Approver)
	page := s.get(t, "/approvals/pipeline.winter").page
	require.Contains(t, page, "Record this decision")
	require.Contains(t, page, `<iframe sandbox src="/reports/`)
	require.Equal(t, http.StatusSeeOther, s.post(t, "/approvals/pipeline.winter/decide", form).status)
	require.Equal(t, spec.Decision{Verdict: spec.Approved, Candidate: s.pipeline.Candidate.Digest, Reviewer: "Person B", Reason: "checked\nthe doses"}, s.told[0])

	form.Set("verdict", "expired")
	require.Equal(t, http.StatusBadRequest, s.post(t, "/approvals/pipeline.winter/decide", form).status, "what only the workflow says")
	require.Len(t, s.told, 1)
	require.Equal(t, http.StatusNotFound, s.get(t, "/approvals/preferences.cough").status)
}

func TestAnApprovalSaysWhatItReplacesAndWhoseWordIsMissing(t *testing.T) {
	s := newScene(t, nil)
	first := spec.Decision{Verdict: spec.Approved, Candidate: s.pipeline.Candidate.Digest, Reviewer: "Person A", DecidedAt: aMoment}
	s.pipeline.Channel, s.pipeline.Signed = "stable", []spec.Decision{first}
	s.pipeline.Approval = spec.ApprovalPlan{Approvers: []string{"Person A", "Person B"}, Signatures: 3}
	s.pipeline.Replaces = spec.Digest(strings.Repeat("7", 64))
	s.signIn(t, "Person C", access.Approver)
	require.Contains(t, s.get(t, "/approvals/pipeline.winter").page, "It takes an approver, one of Person A, Person B;")

	s.signIn(t, "Person B", access.Approver)
	page := s.get(t, "/approvals/pipeline.winter").page
	require.Contains(t, page, "stable serves nothing now; it has moved since this candidate was offered")
	require.Contains(t, page, `name="replaces" value="nothing"`)
	require.Contains(t, page, "<dt>Signed</dt><dd>Person A,")
	require.Contains(t, page, "it is released when 2 persons have")

	s.update = func(arg any) (any, error) {
		stands := arg.(spec.Decision)
		stands.Missing = 1
		return stands, nil
	}
	form := url.Values{"verdict": {"approved"}, "candidate": {string(first.Candidate)}, "replaces": {strings.Repeat("8", 64)}}
	got := s.post(t, "/approvals/pipeline.winter/decide", form)
	require.Equal(t, spec.Digest(strings.Repeat("8", 64)), s.told[0].(spec.Decision).Replaces)
	require.Contains(t, s.get(t, got.header.Get("Location")).page, "Your approval is recorded. It takes 1 more, of other persons.")
}

func TestADecisionSentAgainReplacesWhatTheReviewerSaw(t *testing.T) {
	s := newScene(t, nil)
	s.signIn(t, "Person A", access.Approver)
	s.update = func(any) (any, error) { return nil, serviceerror.NewUnavailable("no") }
	form := url.Values{"verdict": {"approved"}, "candidate": {string(s.pipeline.Candidate.Digest)}, "replaces": {strings.Repeat("8", 64)}}
	got := s.post(t, "/approvals/pipeline.winter/decide", form)
	require.Equal(t, http.StatusServiceUnavailable, got.status)
	for name := range form {
		require.Contains(t, got.page, `<input type="hidden" name="`+name+`" value="`+form.Get(name)+`">`)
	}
}

func TestTheReportIsReadWhereItIsShown(t *testing.T) {
	s := newScene(t, nil)
	s.signIn(t, "Person A", access.Judge)
	report := s.pipeline.Report
	manifest, err := artifact.Load(t.Context(), s.desk.Store, report)
	require.NoError(t, err)
	require.NoError(t, s.desk.Store.Delete(t.Context(), cas.Key(manifest.Files[0].Digest)))
	require.Contains(t, s.get(t, "/approvals/pipeline.winter").page, `<iframe sandbox src="/reports/`+string(report.Digest), "the frame reads it")
	require.Equal(t, http.StatusNotFound, s.get(t, "/reports/"+string(report.Digest)).status)

	s.pipeline.Report, err = artifact.PublishBytes(t.Context(), s.desk.Store, spec.KindReport, map[string][]byte{"report.md": []byte("# Scores")}, nil, nil)
	require.NoError(t, err)
	page := s.get(t, "/approvals/pipeline.winter").page
	require.Contains(t, page, "# Scores</div>")
	require.NotContains(t, page, "<iframe")
	require.Equal(t, http.StatusNotFound, s.get(t, "/reports/"+string(s.pipeline.Report.Digest)).status)
}

func TestAStudentStandsBesideItsTeacherWhereItIsDecidedOn(t *testing.T) {
	s := newScene(t, nil)
	s.signIn(t, "Person A", access.Judge)
	require.NotContains(t, s.get(t, "/approvals/pipeline.winter").page, "Student")
	s.pipeline.Distill = &spec.DistillStatus{Teacher: spec.ModelMerged, Figures: &spec.DistillFigures{
		Rows: 500, Student: 1.5, ToTeacher: spec.Comparison{Old: spec.Estimate{Value: 1.25}}, ToControl: &spec.Comparison{Old: spec.Estimate{Value: 1.75}},
	}}
	require.Contains(t, s.get(t, "/approvals/pipeline.winter").page,
		"<dt>Student of merged</dt><dd>held-out loss 1.5000 on 500 rows, the teacher's 1.2500, without the teacher 1.7500</dd>")
}

func TestReleasesShowAllWhoSignedAndAChannelThatServesNothing(t *testing.T) {
	s := newScene(t, nil)
	to, err := artifact.PublishBytes(t.Context(), s.desk.Store, spec.KindCandidate, map[string][]byte{spec.CandidateFile: []byte(`{}`)}, nil, nil)
	require.NoError(t, err)
	_, err = artifact.Flip(t.Context(), s.desk.Store, "stable", "", artifact.Change{To: to, Decision: spec.Decision{
		Verdict: spec.Approved, Candidate: to.Digest, Reviewer: "Person A", Cosigned: []spec.Signature{{Reviewer: "Person B"}}, DecidedAt: aMoment,
	}})
	require.NoError(t, err)
	s.signIn(t, "Person C", access.Judge)
	page := s.get(t, "/releases").page
	require.Contains(t, page, "It serves candidate <code>"+to.Digest.Short()+"</code>.")
	require.Contains(t, page, "<td>Person A and Person B</td>")

	_, err = artifact.Stop(t.Context(), s.desk.Store, "stable", spec.Decision{
		Verdict: spec.Rejected, Candidate: to.Digest, Reviewer: "Person A", Reason: "does not answer", DecidedAt: aMoment,
	})
	require.NoError(t, err)
	page = s.get(t, "/releases").page
	require.Contains(t, page, "<p>It serves nothing.</p>")
	require.Contains(t, page, "<td>nothing</td><td>does not answer</td>")
}

func TestASentenceBeginsWithACapital(t *testing.T) {
	require.Equal(t, "Das ist zu lang.", sentence(errors.New("das ist zu lang")))
	require.Equal(t, "\u00c4rzte fehlen.", sentence(errors.New("\u00e4rzte fehlen")))
}

func TestTextsAreTextsAndAnswersAreBlind(t *testing.T) {
	s := newScene(t, nil)
	s.signIn(t, "Person A", access.Judge)
	page := s.get(t, "/collections/cough/compare").page
	require.NotContains(t, page, "<script>alert")
	require.Contains(t, page, "a patient of ward 7 &lt;script&gt;alert(1)")
	require.Less(t, strings.Index(page, "the second"), strings.Index(page, "the first"), "in the order that the workflow drew")
	require.NotContains(t, page, "response_")

	report := s.get(t, "/reports/"+string(s.pipeline.Report.Digest))
	require.Contains(t, report.header.Get("Content-Security-Policy"), "sandbox; default-src 'none'")
}

func TestAServerThatIsAwayIsSaid(t *testing.T) {
	s := newScene(t, nil)
	s.signIn(t, "Person A", access.Judge)
	s.query = serviceerror.NewUnavailable("no")
	got := s.get(t, "/collections/cough/compare")
	require.Equal(t, http.StatusServiceUnavailable, got.status)
	require.Contains(t, got.page, "Nothing is lost.")
}

func TestNoLinkMakesAPageSaySomething(t *testing.T) {
	s := newScene(t, nil)
	s.signIn(t, "Person A", access.Judge)
	require.NotContains(t, s.get(t, "/collections/cough/compare?told=Your+judgement+is+kept").page, "is kept.</p>")
	for next, want := range map[string]string{"/collections": "/collections", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/", "": "/"} {
		require.Equal(t, want, localPath(next), next)
	}
}
