package desk

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"

	"elara/desk/access"
	"elara/desk/audit"
	"elara/desk/review"
	"elara/spec"
	"elara/spec/fault"
	"elara/workflows"
)

func (d *Desk) showApprovals(w http.ResponseWriter, r *http.Request, person access.Person) error {
	awaiting, err := d.review.Awaiting(r.Context())
	if err != nil {
		return err
	}
	return d.show(w, http.StatusOK, "approvals", page{Title: "Approvals", Person: &person, Body: awaiting})
}

type approvalPage struct {
	review.Candidate
	Page    bool        // the report has one
	Text    string      // of a report that has none
	Serves  spec.Digest // what the channel serves now; empty: nothing
	Action  string
	Approve bool // the person may decide
}

// Seen is what an approval from this page is to replace.
func (p approvalPage) Seen() spec.Digest { return cmp.Or(p.Serves, spec.Nothing) }

func (d *Desk) showApproval(w http.ResponseWriter, r *http.Request, person access.Person) error {
	candidate, err := d.review.Candidate(r.Context(), r.PathValue("workflow"))
	if err != nil {
		return err
	}
	body := approvalPage{
		Candidate: candidate, Approve: person.Approves() && candidate.Awaited() && candidate.Approval.Admits(person.Name),
		Action: "/approvals/" + url.PathEscape(candidate.Workflow) + "/decide",
	}
	if report := candidate.Judged(); !report.IsZero() {
		if body.Page, body.Text, err = d.review.Report(r.Context(), report); err != nil {
			return err
		}
	}
	if candidate.Awaited() {
		if body.Serves, err = d.review.Serves(r.Context(), candidate.Channel); err != nil {
			return err
		}
	}
	return d.show(w, http.StatusOK, "approval", page{
		Title: "Candidate of " + string(workflows.RunOf(candidate.Workflow)), Person: &person, Told: d.told(r), Body: body,
	})
}

// decide takes a decision on one exact candidate. It is confirmed when its Update was accepted, and not before.
func (d *Desk) decide(w http.ResponseWriter, r *http.Request, person access.Person) error {
	if !person.Approves() {
		return forbiddenError{fault.New(fault.Invalid, "%s may judge, and may not decide on candidates", person.Name)}
	}
	if err := r.ParseForm(); err != nil {
		return fault.New(fault.Invalid, "the form cannot be read: %w", err)
	}
	decision := spec.Decision{
		Verdict: spec.Verdict(r.PostForm.Get("verdict")), Candidate: spec.Digest(r.PostForm.Get("candidate")),
		Reviewer: person.Name, Reason: reasonOf(r), Replaces: spec.Digest(r.PostForm.Get("replaces")),
	}
	if err := decision.Check(); err != nil {
		return err // before anything of it is written down
	}
	workflow := r.PathValue("workflow")
	act := audit.Entry{
		What: audit.Decide, Who: person.Name, By: person.By(), From: d.addressOf(r),
		On: string(workflows.RunOf(workflow)), Digest: decision.Candidate, Said: string(decision.Verdict),
	}
	var stands spec.Decision
	if err := d.act(act, func() (_ bool, err error) {
		stands, err = d.review.Decide(r.Context(), workflow, decision)
		return false, err
	}); err != nil {
		return err
	}
	told := "Your decision is recorded: " + string(decision.Verdict) + "."
	if stands.Missing > 0 {
		told = fmt.Sprintf("Your approval is recorded. It takes %d more, of other persons.", stands.Missing)
	}
	return d.goOn(w, r, "/approvals/"+url.PathEscape(workflow), told)
}

// reportPolicy lets the page of a report look as it was made, and do nothing: its scripts do not run, and it is no page of ours
// to the browser.
const reportPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"

func (d *Desk) showReport(w http.ResponseWriter, r *http.Request, _ access.Person) error {
	report, err := d.review.ReportPage(r.Context(), spec.Digest(r.PathValue("digest")))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", reportPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if _, err := w.Write(report); err != nil {
		d.Logger.Debug("a report did not arrive", "error", err)
	}
	return nil
}

func (d *Desk) showReleases(w http.ResponseWriter, r *http.Request, person access.Person) error {
	channels, err := d.review.Releases(r.Context())
	if err != nil {
		return err
	}
	return d.show(w, http.StatusOK, "releases", page{Title: "Releases", Person: &person, Body: channels})
}
