package activities

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/activity"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
)

// Stages whose results are remembered, each with the version of its code. A version goes up when a change makes the
// stage give another result for the same inputs; what earlier code made is then no longer taken.
var (
	cleanStage    = stage{"clean", 1}
	formatStage   = stage{"format", 1}
	datasetStage  = stage{"dataset", 1} // data sets by their content
	pretrainStage = stage{"pretrain", 1}
	trainStage    = stage{"train", 1}
	mergeStage    = stage{"merge", 1}
	distillStage  = stage{"distill", 1}
	teacherStage  = stage{"teacher", 1} // what a teacher says of rows
	exportStage   = stage{"export", 1}
	sampleStage   = stage{"sample", 1}
	promptsStage  = stage{"prompts", 1}     // by their content
	choicesStage  = stage{"choices", 1}     // by their content
	compareStage  = stage{"comparisons", 1} // by their content
	collectStage  = stage{"collect", 1}     // what people said about pairs
	evaluateStage = stage{"evaluate", 2}
	memoryStage   = stage{"memory", 1}
	judgeStage    = stage{"judge", 1}
)

type stage struct {
	name    string
	version int
}

// key is the identity of a stage's result: which stage, which code, and all that the result depends on, as the JSON of
// a struct. Equal keys mean equal results.
func (s stage) key(dependsOn any) (spec.Digest, error) {
	text, err := json.Marshal(dependsOn)
	if err != nil {
		return "", fmt.Errorf("key of stage %s: %w", s.name, err)
	}
	form := fmt.Appendf(nil, "elara stage %s version %d\n%s\n", s.name, s.version, text)
	return spec.DigestOf(sha256.Sum256(form)), nil
}

// recall finds what the stage made of the same before. The reason is for people, and empty when there is nothing, or
// when an artifact of it is gone.
func recall[Result any](
	ctx context.Context, store storage.Store, s stage, key spec.Digest, refs func(Result) []spec.ArtifactRef,
) (result Result, reason string, err error) {
	var nothing Result
	found, err := artifact.LookupStage(ctx, store, s.name, key, &result)
	if err != nil || !found {
		return nothing, "", err
	}
	for _, ref := range refs(result) {
		there, err := artifact.Exists(ctx, store, ref)
		if err != nil {
			return nothing, "", err
		}
		if !there {
			activity.GetLogger(ctx).Warn("an earlier result is incomplete, the stage runs again",
				"stage", s.name, "key", key, "artifact", ref.Digest)
			return nothing, "", artifact.ForgetStage(ctx, store, s.name, key)
		}
	}
	return result, fmt.Sprintf("inputs, configuration and code are those of an earlier run (key %s)", key.Short()), nil
}

// remember records what the stage made, and gives what stands: when two attempts made it, the first one's result.
func remember[Result any](ctx context.Context, store storage.Store, s stage, key spec.Digest, result Result) (Result, error) {
	err := artifact.RecordStage(ctx, store, s.name, key, result)
	if !fault.Is(err, fault.Conflict) {
		return result, err
	}
	var first Result
	found, err := artifact.LookupStage(ctx, store, s.name, key, &first)
	if err == nil && !found {
		err = fault.New(fault.Transient, "stage %s under %s: its record was removed meanwhile", s.name, key.Short())
	}
	return first, err
}
