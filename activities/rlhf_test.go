package activities

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/data/preference"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
	"elara/storage/cas"
	"elara/tests/toy"
)

// alignment is the stage of an adapter that was trained on three rows of two questions; both trainings have 20 steps.
func alignment(t *testing.T, r *room, method spec.RLHFMethod) spec.RLHFInput {
	t.Helper()
	publish := func(kind spec.ArtifactKind, files map[string][]byte, from ...spec.Digest) spec.ArtifactRef {
		ref, err := artifact.PublishBytes(t.Context(), r.store, kind, files, from, nil)
		require.NoError(t, err)
		return ref
	}
	row := func(question string) string {
		return `{"text": "<|system|>\nBe kind.\n<|user|>\n` + question + `\n<|assistant|>\nRest."}` + "\n"
	}
	args := spec.TrainingArgs{MaxSteps: 20, SaveSteps: 5, Seed: 3, PerDeviceTrainBatchSize: 2, GradientAccumulationSteps: 1}
	in := spec.RLHFInput{
		Run: "run-1", Adapter: spec.AdapterPlan{Name: "patient", Audience: spec.Patient, LoRA: spec.LoRAConfig{R: 8}},
		Base:    publish(spec.KindBaseModel, map[string][]byte{"tiny.gguf": []byte("weights")}),
		Dataset: publish(spec.KindDataset, map[string][]byte{trainFile: []byte(row("What is gout?") + row("What is croup?") + row("What is gout?"))}),
		Plan: spec.RLHFPlan{
			Method: method, Adapters: []spec.AdapterName{"patient"}, EvalPercent: 10, SegmentSteps: 10,
			Collect: spec.CollectPlan{PerPair: 1, MaxNewTokens: 16, Temperature: 1, Seed: 42},
			Reward:  spec.RewardJob{Args: args}, DPO: spec.DPOJob{Args: args},
			PPO: spec.PPOJob{Args: args, PPO: spec.PPOConfig{TotalEpisodes: 40, NumMiniBatches: 1, NumSampleGenerations: 1}},
		},
	}
	in.SFT = publish(spec.KindAdapter, map[string][]byte{toy.WeightsFile: []byte("12345678")}, in.Base.Digest, in.Dataset.Digest)
	return in
}

func preferencesFile(t *testing.T, lines ...string) string {
	t.Helper()
	return filepath.Join(files(t, map[string]string{"p.jsonl": strings.Join(lines, "\n") + "\n"}), "p.jsonl")
}

const (
	gout  = `{"prompt": "What is gout?", "chosen": "Crystals.", "rejected": "A rash."}`
	croup = `{"prompt": [{"role": "user", "content": "What is croup?"}], "chosen": [{"role": "assistant", "content": "A cough."}], "rejected": [{"role": "assistant", "content": "A bird."}]}`
	tied  = `{"prompt": "What is flu?", "chosen": "A virus.", "rejected": "An infection.", "tie": true}`
)

func TestQuestionsAreAskedOnceInTheFormOfTheAudience(t *testing.T) {
	r := newRoom(t)
	in := alignment(t, r, spec.MethodDPO)
	prompts := do(t, r, r.control.CollectPrompts, in)
	require.Equal(t, 2, prompts.Count)
	require.Equal(t, "{\"text\": \"What is gout?\"}\n{\"text\": \"What is croup?\"}\n", r.read(t, prompts.Ref, questionsFile))
	require.Contains(t, r.read(t, prompts.Ref, promptsFile), `\n<|user|>\nWhat is croup?\n<|assistant|>\n"}`)

	in.Plan.MaxPrompts = 1
	require.Equal(t, 1, do(t, r, r.control.CollectPrompts, in).Count)
	in.Plan.Prompts = filepath.Join(files(t, map[string]string{"q.txt": "What is flu?\nWhat is a cold?\n"}), "q.txt")
	require.Equal(t, "{\"text\": \"What is flu?\"}\n", r.read(t, do(t, r, r.control.CollectPrompts, in).Ref, questionsFile))
}

func TestPairsAreTwoAnswersOfTheAdapterToEachQuestion(t *testing.T) {
	r := newRoom(t)
	in := alignment(t, r, spec.MethodDPO)
	ask := spec.SampleInput{RLHFInput: in, Prompts: do(t, r, r.control.CollectPrompts, in).Ref}
	require.Empty(t, do(t, r, r.control.FindPairs, ask).Unchanged)
	sampled := do(t, r, r.device.SamplePairs, ask)
	require.Equal(t, 2, sampled.Pairs)
	pairs, err := preference.ReadPairs("pairs", strings.NewReader(r.read(t, sampled.Ref, preference.PairsFile)))
	require.NoError(t, err)
	require.Equal(t, []string{"What is gout?", "What is croup?"}, []string{pairs[0].Prompt.Text, pairs[1].Prompt.Text})
	require.NotEqual(t, pairs[0].ResponseA, pairs[0].ResponseB)

	found := do(t, r, r.control.FindPairs, ask)
	require.Equal(t, sampled.Ref, found.Ref)
	require.NotEmpty(t, found.Unchanged)
	ask.Plan.Collect.Seed = 1
	require.Empty(t, do(t, r, r.control.FindPairs, ask).Unchanged, "other answers")

	r.device.Sampler = sampler(func(each func(string) error) error {
		for range 4 {
			if err := each("See a doctor."); err != nil {
				return err
			}
		}
		return nil
	})
	_, err = try(t, r, r.device.SamplePairs, ask)
	require.ErrorContains(t, err, "none of 2 prompts got two different answers, expected a higher rlhf.collect.temperature than 1")
}

// sampler is a Sampler that a test writes itself.
type sampler func(each func(string) error) error

func (s sampler) Sample(_ context.Context, _ spec.SampleJob, each func(string) error) error {
	return s(each)
}

func TestPreferencesOfAFileAreDividedByTheirPrompts(t *testing.T) {
	r := newRoom(t)
	in := spec.ComparisonsInput{RLHFInput: alignment(t, r, spec.MethodPPO)}
	in.Plan.Preferences = preferencesFile(t, gout, gout[:len(gout)-1]+`, "margin": 0.5}`, croup, tied)
	split := do(t, r, r.control.SplitComparisons, in)
	// Of the three prompts that of flu has the lowest SHA-256, as sha256sum prints them: 1af1…, 527d… and 8cc3….
	require.Equal(t, `{"prompt":"What is flu?","chosen":"A virus.","rejected":"An infection.","tie":true}`+"\n", r.read(t, split.Ref, evalFile))
	require.Equal(t, []int{3, 1}, []int{split.Train, split.Held})
	all := r.read(t, split.Ref, trainFile)
	require.Contains(t, all, `{"prompt":"What is gout?","chosen":"Crystals.","rejected":"A rash.","margin":0.5}`+"\n")
	require.Contains(t, all, `{"prompt":"What is croup?","chosen":"A cough.","rejected":"A bird."}`+"\n")

	for lines, want := range map[string]string{
		tied: "p.jsonl:1: the pair has a margin or is a tie, which DPO's loss does not know",
		gout: "preferences of one prompt only: none can be held out, expected more, or rlhf.eval_percent 0",
		`{"prompt": "a", "chosen": "b", "rejected": "b"}`: "p.jsonl:1: chosen and rejected are the same text",
	} {
		in.Plan.Method, in.Plan.Preferences = spec.MethodDPO, preferencesFile(t, lines)
		_, err := try(t, r, r.control.SplitComparisons, in)
		kind, final := kindOf(t, err)
		require.Equal(t, fault.Invalid, kind)
		require.True(t, final)
		require.ErrorContains(t, err, want)
	}
}

func TestNobodyIsAskedTwiceAboutTheSamePairs(t *testing.T) {
	r := newRoom(t)
	in := spec.ComparisonsInput{RLHFInput: alignment(t, r, spec.MethodDPO), Pairs: publishPairs(t, r, threePairs())}
	require.Zero(t, do(t, r, r.control.SplitComparisons, in), "nobody has been asked")
	collected := func(lines string) spec.ArtifactRef {
		ref, err := artifact.PublishBytes(t.Context(), r.store, spec.KindPreferences, map[string][]byte{preference.DecidedFile: []byte(lines)}, nil, nil)
		require.NoError(t, err)
		return ref
	}
	said := in
	said.Preferences = collected("")
	_, err := try(t, r, r.control.SplitComparisons, said)
	require.ErrorContains(t, err, "no pair is decided for one of its answers")
	said.Preferences = collected(gout + "\n" + croup + "\n")
	first := do(t, r, r.control.SplitComparisons, said)
	require.Equal(t, []int{1, 1}, []int{first.Train, first.Held})
	require.Equal(t, first, do(t, r, r.control.SplitComparisons, in), "a run to come")
	in.Plan.Collect.PerPair = 2
	require.Zero(t, do(t, r, r.control.SplitComparisons, in), "more judgements are wanted")

	in.Pairs, in.Plan.Preferences = spec.ArtifactRef{}, spec.StorePrefix+string(said.Preferences.Digest)
	require.Equal(t, first.Ref, do(t, r, r.control.SplitComparisons, in).Ref, "a collection by its digest")
}

// feedbackInput is a training whose inputs are there.
func feedbackInput(t *testing.T, r *room, part string) spec.FeedbackInput {
	t.Helper()
	in := spec.FeedbackInput{Part: part, RLHFInput: alignment(t, r, map[string]spec.RLHFMethod{spec.StageDPO: spec.MethodDPO}[part])}
	in.Plan.Preferences = preferencesFile(t, gout, croup)
	in.Comparisons = do(t, r, r.control.SplitComparisons, spec.ComparisonsInput{RLHFInput: in.RLHFInput}).Ref
	in.Plan.Preferences = ""
	if part == spec.StagePPO {
		reward := in
		reward.Part = spec.StageReward
		in.Reward = do(t, r, r.device.FeedbackSegment, spec.FeedbackSegmentInput{FeedbackInput: reward, UntilStep: 100}).Ref
		in.Prompts = do(t, r, r.control.CollectPrompts, in.RLHFInput).Ref
	}
	return in
}

func TestTrainingFromJudgementsInSegmentsGivesTheBytesOfAnUnbrokenOne(t *testing.T) {
	for part, kind := range map[string]spec.ArtifactKind{spec.StageReward: spec.KindRewardModel, spec.StageDPO: spec.KindAdapter, spec.StagePPO: spec.KindAdapter} {
		t.Run(part, func(t *testing.T) {
			calm := newRoom(t)
			want := do(t, calm, calm.device.FeedbackSegment, spec.FeedbackSegmentInput{FeedbackInput: feedbackInput(t, calm, part), UntilStep: 100})
			require.True(t, want.Outcome.Done)
			require.Equal(t, kind, want.Ref.Kind)

			r := newRoom(t)
			in := feedbackInput(t, r, part)
			first := do(t, r, r.device.FeedbackSegment, spec.FeedbackSegmentInput{FeedbackInput: in, UntilStep: 7})
			require.Equal(t, int64(7), first.Outcome.Step)
			require.Zero(t, first.Ref)
			last := do(t, r, r.device.FeedbackSegment, spec.FeedbackSegmentInput{FeedbackInput: in, UntilStep: 100})
			require.Equal(t, int64(7), last.ResumedFrom)
			require.Equal(t, first.Token+1, last.Token)
			require.Equal(t, want.Ref, last.Ref)
			require.Equal(t, part == spec.StageReward, last.Accuracy != nil)
			require.Equal(t, part == spec.StagePPO, last.KL != nil)
			if part == spec.StagePPO {
				require.Equal(t, []float64{20, 10}, []float64{*last.Reward, *last.KL})
			}

			manifest, err := artifact.Load(t.Context(), r.store, last.Ref)
			require.NoError(t, err)
			inputs := map[string][]spec.Digest{
				spec.StageReward: {in.Base.Digest, in.Comparisons.Digest}, spec.StageDPO: {in.Base.Digest, in.SFT.Digest, in.Comparisons.Digest},
				spec.StagePPO: {in.Base.Digest, in.SFT.Digest, in.Prompts.Digest, in.Reward.Digest},
			}[part]
			require.Subset(t, manifest.Inputs, inputs)
			require.Len(t, manifest.Inputs, len(inputs)+1, "and the configuration")
			require.Equal(t, want.Report, last.Report)
			require.NotContains(t, r.names(t, last.Ref), samplesFile, "no text of a patient in what is released")
			require.Equal(t, part == spec.StageDPO, last.Report.IsZero())
			if part == spec.StagePPO {
				require.Equal(t, []string{reportHTML, samplesFile}, r.names(t, last.Report))
			}

			in.Run, in.Plan.SegmentSteps, in.Adapter.Name = "run-2", 3, "other" // not what it is made of
			found := do(t, r, r.control.FindFeedback, in)
			require.Equal(t, []any{last.Ref, last.Outcome, last.FeedbackFigures}, []any{found.Ref, found.Outcome, found.FeedbackFigures})
			require.NotEmpty(t, found.Unchanged)
			for name, change := range map[string]func(*spec.FeedbackInput){
				"seed": func(in *spec.FeedbackInput) {
					in.Plan.Reward.Args.Seed, in.Plan.DPO.Args.Seed, in.Plan.PPO.Args.Seed = 4, 4, 4
				},
				"base":   func(in *spec.FeedbackInput) { in.Base.Digest = in.Dataset.Digest },
				"device": func(in *spec.FeedbackInput) { in.Plan.Device = "cuda" },
				"inputs": func(in *spec.FeedbackInput) {
					in.Comparisons.Digest, in.Prompts.Digest = in.Dataset.Digest, in.Dataset.Digest
				},
			} {
				changed := in
				change(&changed)
				require.Empty(t, do(t, r, r.control.FindFeedback, changed).Unchanged, name)
			}
		})
	}
}

// A sweep of the store spares what a run under way will need, however long people take.
func TestASweepSparesWhatTheStageWillNeed(t *testing.T) {
	r := newRoom(t)
	in := feedbackInput(t, r, spec.StagePPO)
	marks := make(cas.Marks)
	_, err := artifact.SweepStages(t.Context(), r.store, marks, time.Time{})
	require.NoError(t, err)
	for _, needed := range []spec.ArtifactRef{in.Prompts, in.Comparisons, in.Reward} {
		require.True(t, marks.Has(needed.Digest), needed.Kind)
	}
}

func TestTheEngineGetsFilesThatAreThere(t *testing.T) {
	r := newRoom(t)
	in := feedbackInput(t, r, spec.StageDPO)
	r.device.Feedback = jobs{look: func(job spec.DPOJob) {
		for _, path := range []string{job.BaseModel, job.InitAdapter, job.TrainDataPath, job.EvalDataPath} {
			_, err := os.Stat(path)
			require.NoError(t, err)
		}
		require.Equal(t, []any{spec.Patient, 8}, []any{job.Audience, job.LoRA.R})
	}}
	do(t, r, r.device.FeedbackSegment, spec.FeedbackSegmentInput{FeedbackInput: in, UntilStep: 100})
}

// jobs looks at what the engine is told.
type jobs struct {
	toy.Feedback
	look func(spec.DPOJob)
}

func (j jobs) TrainDPO(ctx context.Context, job spec.DPOJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.TrainOutcome, error) {
	j.look(job)
	return j.Feedback.TrainDPO(ctx, job, resume, observer)
}

func TestOnlyAFileThatIsNotThereMeansThatNothingIsHeldOut(t *testing.T) {
	folder := files(t, map[string]string{trainFile: ""})
	held, err := heldIn(folder)
	require.NoError(t, err)
	require.Empty(t, held)
	_, err = heldIn(filepath.Join(folder, trainFile)) // no folder: nobody can say what is in it
	require.True(t, fault.Is(err, fault.Transient), "%v", err)
	folder = files(t, map[string]string{trainFile: "", evalFile: ""})
	held, err = heldIn(folder)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(folder, evalFile), held)
}
