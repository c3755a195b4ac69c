package review

import (
	"context"
	"fmt"
	"strings"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
	"elara/workflows"
)

// Files of a report artifact that people read.
const (
	reportHTML     = "report.html"
	reportMarkdown = "report.md"
)

// Candidate is a pipeline as a reviewer decides on it.
type Candidate struct {
	Workflow string
	spec.PipelineStatus
}

// Judged is the report that a reviewer reads: that of the gates, or of the evaluation where the pipeline has none.
func (c Candidate) Judged() spec.ArtifactRef {
	if c.Gates != nil && !c.Gates.Report.IsZero() {
		return c.Gates.Report
	}
	return c.Report
}

// Wanted is how many more signatures an approval takes.
func (c Candidate) Wanted() int { return c.Approval.Needed() - len(c.Signed) }

// Awaited reports whether a decision is awaited.
func (c Candidate) Awaited() bool {
	return c.Stage == spec.StageApproval && !c.PipelineStatus.Candidate.IsZero() && c.Decision.Verdict == ""
}

// Awaiting lists the pipelines that wait for a decision.
func (c *Client) Awaiting(ctx context.Context) ([]Candidate, error) {
	ids, err := c.running(ctx, workflows.PipelineWorkflow, fmt.Sprintf(" AND %s = '%s'", workflows.ElaraStage.GetName(), spec.StageApproval))
	if err != nil {
		return nil, err
	}
	var all []Candidate
	for _, id := range ids {
		candidate, err := c.Candidate(ctx, id)
		if err != nil {
			return nil, err
		}
		if candidate.Awaited() {
			all = append(all, candidate)
		}
	}
	return all, nil
}

// Candidate asks a pipeline for its candidate, by its workflow ID.
func (c *Client) Candidate(ctx context.Context, workflow string) (Candidate, error) {
	if !strings.HasPrefix(workflow, workflows.PipelineID("")) {
		return Candidate{}, fault.New(fault.NotFound, "%q is no pipeline", workflow)
	}
	status, err := ask[spec.PipelineStatus](ctx, c, workflow, workflows.StatusQuery)
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.NotFound, "run %q does not exist", workflows.RunOf(workflow))
	}
	return Candidate{workflow, status}, err
}

// Decide records a decision, and gives the one that stands.
func (c *Client) Decide(ctx context.Context, workflow string, decision spec.Decision) (spec.Decision, error) {
	if err := decision.Check(); err != nil {
		return decision, err
	}
	stands, err := tell[spec.Decision](ctx, c, workflow, workflows.DecideUpdate, decision)
	if !fault.Is(err, fault.NotFound) {
		return stands, err
	}
	// The pipeline is over, perhaps by this very decision whose answer was lost.
	over, askErr := c.Candidate(ctx, workflow)
	if askErr != nil {
		return stands, askErr
	}
	held := over.Decision
	if held.Verdict == decision.Verdict && held.Candidate == decision.Candidate && held.SignedBy(decision.Reviewer) {
		return held, nil
	}
	if held.Verdict != "" {
		err = fault.New(fault.Conflict, "candidate %s was %s by %s", held.Candidate.Short(), held.Verdict, held.Signers())
	}
	return stands, err
}

// Serves says what a channel serves now; empty: nothing.
func (c *Client) Serves(ctx context.Context, channel string) (spec.Digest, error) {
	release, err := artifact.Current(ctx, c.store, channel)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return release.Current().Digest, nil
}

// Report finds out whether the report of a candidate has a page, and reads the text of one that has none.
func (c *Client) Report(ctx context.Context, ref spec.ArtifactRef) (page bool, text string, err error) {
	manifest, err := artifact.Load(ctx, c.store, ref)
	if err != nil {
		return false, "", err
	}
	if _, page = manifest.File(reportHTML); page {
		return true, "", nil
	}
	content, err := artifact.ReadFile(ctx, c.store, ref, reportMarkdown)
	return false, string(content), err
}

// ReportPage reads the page of a report.
func (c *Client) ReportPage(ctx context.Context, digest spec.Digest) ([]byte, error) {
	if err := digest.Check(); err != nil {
		return nil, err
	}
	return artifact.ReadFile(ctx, c.store, spec.ArtifactRef{Kind: spec.KindReport, Digest: digest}, reportHTML)
}

// Releases gives what every channel serves and served.
func (c *Client) Releases(ctx context.Context) ([]artifact.Release, error) {
	return artifact.Channels(ctx, c.store)
}
