package activities

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"path/filepath"

	"elara/data/corpus"
	"elara/data/instruct"
	"elara/data/source"
	"elara/scoring/memory"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
)

// Files of an artifact of prompts, {"text": ...} lines: the questions, and what the model is given for each.
const (
	questionsFile = "questions.jsonl"
	promptsFile   = "prompts.jsonl"
)

// CollectPrompts freezes the questions that the adapter answers, each once, in the form of its audience.
func (c *Control) CollectPrompts(ctx context.Context, in spec.RLHFInput) (spec.PromptSet, error) {
	return run(ctx, c.Instruments, spec.StageRLHF, in, c.collectPrompts)
}

func (c *Control) collectPrompts(ctx context.Context, in spec.RLHFInput) (spec.PromptSet, error) {
	work := begin(ctx, c.Store, spec.Progress{Stage: spec.StageRLHF, Adapter: in.Adapter.Name}, bulkPatience)
	defer work.end()
	var questions, prompts bytes.Buffer
	asIs, inForm := source.NewTextWriter(&questions), source.NewTextWriter(&prompts)
	asked := map[string]bool{}
	for question, err := range c.questions(work, in) {
		if err != nil {
			return spec.PromptSet{}, err
		}
		if asked[question] {
			continue
		}
		asked[question] = true
		prompt, err := instruct.Guide().Prompt(question, in.Adapter.Audience)
		if err != nil {
			return spec.PromptSet{}, err
		}
		if err := errors.Join(asIs.Write(question), inForm.Write(prompt)); err != nil {
			return spec.PromptSet{}, err
		}
		work.pulse.row()
		if len(asked) == in.Plan.MaxPrompts {
			break
		}
	}
	if len(asked) == 0 {
		return spec.PromptSet{}, fault.New(fault.Invalid, "rlhf: no questions to ask adapter %s, expected some in rlhf.prompts or among its rows", in.Adapter.Name)
	}
	var from []spec.Digest
	if in.Plan.Prompts == "" {
		from = []spec.Digest{in.Dataset.Digest}
	}
	ref, err := artifact.PublishBytes(work.ctx, work.store, spec.KindPrompts,
		map[string][]byte{questionsFile: questions.Bytes(), promptsFile: prompts.Bytes()}, from, nil)
	if err != nil {
		return spec.PromptSet{}, err
	}
	return spared(work.ctx, work.store, promptsStage, ref, spec.PromptSet{Ref: ref, Count: len(asked)})
}

// spared gives an artifact a stage record of its own. What no record names may be swept from the store while people take their
// time.
func spared[Result any](ctx context.Context, store storage.Store, s stage, ref spec.ArtifactRef, result Result) (Result, error) {
	key, err := s.key(struct{ Artifact spec.Digest }{ref.Digest})
	if err != nil {
		return result, err
	}
	return remember(ctx, store, s, key, result)
}

// questions gives those of the plan's file, or of the rows that the adapter was trained on.
func (c *Control) questions(work shift, in spec.RLHFInput) iter.Seq2[string, error] {
	if in.Plan.Prompts != "" {
		return questionsOf(work.ctx, in.Plan.Prompts)
	}
	return func(yield func(string, error) bool) {
		dataset, err := c.Cache.Materialise(work.ctx, work.store, in.Dataset)
		if err != nil {
			yield("", err)
			return
		}
		for text, err := range source.Texts(work.ctx, filepath.Join(dataset, trainFile)) {
			question, _, found := instruct.Split(text.Text)
			if (err != nil || found && !memory.IsQuestion(question)) && !yield(question, err) {
				return
			}
		}
	}
}

// questionsOf gives the lines of the files that a path or pattern means.
func questionsOf(ctx context.Context, path string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		files, err := corpus.Resolve(path)
		if err != nil {
			yield("", err)
			return
		}
		reader := corpus.Reader{By: spec.ByLine}
		for document, err := range reader.Documents(ctx, files) {
			if !yield(document.Text, err) {
				return
			}
		}
	}
}

func readTexts(ctx context.Context, folder, name string) (texts []string, err error) {
	for text, err := range source.Texts(ctx, filepath.Join(folder, name)) {
		if err != nil {
			return nil, err
		}
		texts = append(texts, text.Text)
	}
	return texts, nil
}
