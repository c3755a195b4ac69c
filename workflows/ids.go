package workflows

import (
	"crypto/sha256"
	"strings"

	"elara/spec"
)

// Workflow IDs are built from run and adapter names, which hold neither dots nor anything personal, so a dot
// separates their parts without doubt.

const pipelinePrefix = "pipeline."

// PipelineID is the workflow ID of the pipeline of a run.
func PipelineID(run spec.RunID) string { return pipelinePrefix + string(run) }

// PrepareID is the workflow ID of the data preparation of a run.
func PrepareID(run spec.RunID) string { return "prepare." + string(run) }

// PretrainID is the workflow ID of the continued pre-training of a run.
func PretrainID(run spec.RunID) string { return "pretrain." + string(run) }

// TrainID is the workflow ID of the training of one adapter of a run.
func TrainID(run spec.RunID, adapter spec.AdapterName) string {
	return "train." + string(run) + "." + string(adapter)
}

// RLHFID is the workflow ID of the alignment of one adapter of a run.
func RLHFID(run spec.RunID, adapter spec.AdapterName) string {
	return "rlhf." + string(run) + "." + string(adapter)
}

// FeedbackID is the workflow ID of a training from judgements, of one adapter of a run.
func FeedbackID(run spec.RunID, adapter spec.AdapterName, part string) string {
	return part + "." + string(run) + "." + string(adapter)
}

// CollectionOf names the collection in which people judge the answers of one adapter of a run.
func CollectionOf(run spec.RunID, adapter spec.AdapterName) spec.RunID {
	return RunOf(RLHFID(run, adapter))
}

// MergeID is the workflow ID of the merge of a run.
func MergeID(run spec.RunID) string { return "merge." + string(run) }

// DistillID is the workflow ID of the distillation of a run.
func DistillID(run spec.RunID) string { return "distill." + string(run) }

// EvaluateID is the workflow ID of the evaluation of a run.
func EvaluateID(run spec.RunID) string { return "evaluate." + string(run) }

// ExportID is the workflow ID of the exports of a run.
func ExportID(run spec.RunID) string { return "export." + string(run) }

// PreferencesID is the workflow ID of a collection of preferences.
func PreferencesID(run spec.RunID) string { return "preferences." + string(run) }

// SmokeID is the workflow ID of the check of what a channel was pointed to by hand: one check at a time asks the same.
func SmokeID(channel string, candidate spec.Digest) string {
	return "smoke." + channel + "." + candidate.Short()
}

// ScheduleID is the ID of the retraining schedule of a pipeline.
func ScheduleID(pipeline string) string { return "retrain." + pipeline }

// ScheduledPipelineID is the workflow ID a schedule's action gives its runs; Temporal appends the scheduled time.
func ScheduledPipelineID(pipeline string) string { return pipelinePrefix + pipeline }

// maxRunID is the longest run ID that spec.RunID allows.
const maxRunID = 64

// RunOf derives the run ID from a pipeline's workflow ID: the inverse of PipelineID, and for a scheduled run its
// name and time in the letters a run ID may have. One workflow ID always gives the same run ID.
func RunOf(workflowID string) spec.RunID {
	var b strings.Builder
	gap := false
	for _, c := range strings.ToLower(strings.TrimPrefix(workflowID, pipelinePrefix)) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('-')
		}
		gap = false
		b.WriteRune(c)
	}
	id := strings.Trim(b.String(), "-")
	if id != "" && len(id) <= maxRunID {
		return spec.RunID(id)
	}
	// Too long to keep whole, or nothing left: a part of the hash keeps different workflows apart.
	hash := string(spec.DigestOf(sha256.Sum256([]byte(workflowID))))[:16]
	if id == "" {
		return spec.RunID("run-" + hash)
	}
	return spec.RunID(strings.TrimRight(id[:maxRunID-len(hash)-1], "-") + "-" + hash)
}
