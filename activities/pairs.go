package activities

import (
	"bytes"
	"context"
	"fmt"

	"elara/data/preference"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
)

// Sampler draws answers on this machine. The engine provides it.
type Sampler interface {
	// Sample hands out one answer to each prompt of the job, in their order. Answers to the same prompt at two places are drawn
	// apart; the same job gives the same answers. An error of each ends it.
	Sample(ctx context.Context, job spec.SampleJob, each func(text string) error) error
}

// answersPerPrompt is how many answers make a pair.
const answersPerPrompt = 2

// sampleKey is the identity of the pairs of a policy.
func sampleKey(in spec.SampleInput) (spec.Digest, error) {
	return sampleStage.key(struct {
		Base, Policy, Prompts spec.Digest
		MaxNewTokens          int
		Temperature           float64
		Seed                  int64
		Device                string
	}{in.Base.Digest, in.SFT.Digest, in.Prompts.Digest, in.Plan.Collect.MaxNewTokens, in.Plan.Collect.Temperature, in.Plan.Collect.Seed, in.Plan.Device})
}

// FindPairs looks for pairs that were drawn of the same before; Unchanged is set when there are some.
func (c *Control) FindPairs(ctx context.Context, in spec.SampleInput) (spec.SampledPairs, error) {
	return run(ctx, c.Instruments, spec.StageSample, in, func(ctx context.Context, in spec.SampleInput) (spec.SampledPairs, error) {
		key, err := sampleKey(in)
		if err != nil {
			return spec.SampledPairs{}, err
		}
		found, reason, err := recall(ctx, c.Store, sampleStage, key, func(p spec.SampledPairs) []spec.ArtifactRef { return []spec.ArtifactRef{p.Ref} })
		found.Unchanged = reason
		return found, err
	})
}

// SamplePairs draws two answers of the adapter to each prompt, for people to choose between.
func (d *Device) SamplePairs(ctx context.Context, in spec.SampleInput) (spec.SampledPairs, error) {
	return run(ctx, d.Instruments, spec.StageSample, in, d.samplePairs)
}

func (d *Device) samplePairs(ctx context.Context, in spec.SampleInput) (result spec.SampledPairs, err error) {
	work := begin(ctx, d.Store, spec.Progress{Stage: spec.StageSample, Adapter: in.Adapter.Name}, bulkPatience)
	defer work.end()
	ctx, store := work.ctx, work.store

	at, err := d.layOut(ctx, store, spec.FeedbackInput{RLHFInput: in.RLHFInput, Prompts: in.Prompts})
	if err != nil {
		return result, err
	}
	questions, err := readTexts(ctx, at.prompts, questionsFile)
	if err != nil {
		return result, err
	}
	prompts, err := readTexts(ctx, at.prompts, promptsFile)
	if err != nil {
		return result, err
	}
	job := spec.SampleJob{
		BaseModel: at.base, Adapter: at.sft, MaxNewTokens: in.Plan.Collect.MaxNewTokens, Temperature: in.Plan.Collect.Temperature, Seed: in.Plan.Collect.Seed,
	}
	for _, prompt := range prompts {
		for range answersPerPrompt {
			job.Prompts = append(job.Prompts, prompt)
		}
	}
	work.pulse.loading()
	var answers []string
	if err := d.Sampler.Sample(ctx, job, func(text string) error {
		answers = append(answers, text)
		work.pulse.step(spec.Progress{Stage: spec.StageSample, Adapter: in.Adapter.Name, Step: int64(len(answers)), TotalSteps: int64(len(job.Prompts))})
		return nil
	}); err != nil {
		return result, fmt.Errorf("sample %s: %w", in.Adapter.Name, err)
	}
	if len(answers) != len(job.Prompts) {
		return result, fmt.Errorf("sample %s: %d answers to %d prompts", in.Adapter.Name, len(answers), len(job.Prompts))
	}
	var pairs []preference.Pair
	for i, question := range questions {
		pair := preference.Pair{Prompt: preference.Prompt{Text: question}, ResponseA: answers[answersPerPrompt*i], ResponseB: answers[answersPerPrompt*i+1]}
		if pair.Check() != nil {
			result.Alike++
			continue
		}
		pairs = append(pairs, pair)
	}
	if len(pairs) == 0 {
		return result, fault.New(fault.Invalid, "sample %s: none of %d prompts got two different answers, expected a higher rlhf.collect.temperature than %v, or more max_new_tokens",
			in.Adapter.Name, len(prompts), job.Temperature)
	}
	var lines bytes.Buffer
	if err := preference.WritePairs(&lines, pairs); err != nil {
		return result, err
	}
	result.Pairs = len(pairs)
	if result.Ref, err = artifact.PublishBytes(ctx, store, spec.KindPairs, map[string][]byte{preference.PairsFile: lines.Bytes()},
		[]spec.Digest{in.SFT.Digest, in.Prompts.Digest}, d.maker()); err != nil {
		return result, err
	}
	key, err := sampleKey(in)
	if err != nil {
		return result, err
	}
	return remember(ctx, store, sampleStage, key, result)
}
