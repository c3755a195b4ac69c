package activities

import (
	"context"
	"errors"
	"path/filepath"

	"elara/data/decontaminate"
	"elara/data/instruct"
	"elara/data/source"
	"elara/spec"
	"elara/spec/fault"
)

// heldOut is the rows that an adapter is measured on.
type heldOut struct {
	path                  string // the file that the engine reads
	train                 string // that of the training rows
	rows                  []asked
	takenOut, overlapping int64
}

// asked is a question with the right answer, where one is known.
type asked struct{ question, answer string }

// parts are what is looked for in the training rows: without the template, which all rows share.
func parts(text string) []string {
	if question, answer, found := instruct.Split(text); found {
		return []string{question, answer}
	}
	return []string{text}
}

// readHeldOut reads held-out rows. Where the plan asks for it those that stand in the training rows are taken out, and the rest
// is written into a folder.
func readHeldOut(ctx context.Context, eval, train, into string, contamination spec.Contamination) (heldOut, error) {
	held := heldOut{path: eval, train: train}
	if contamination == "" {
		for text, err := range source.Texts(ctx, held.path) {
			if err != nil {
				return heldOut{}, err
			}
			held.add(text.Text)
		}
		return held, nil
	}
	known := decontaminate.NewIndex()
	for text, err := range source.Texts(ctx, train) {
		if err != nil {
			return heldOut{}, err
		}
		known.Add(filepath.Base(train), text.Line, parts(text.Text)...)
	}
	var first string
	var kept []string
	for text, err := range source.Texts(ctx, held.path) {
		if err != nil {
			return heldOut{}, err
		}
		match, isFound := known.Find(parts(text.Text)...)
		if isFound && !match.IsExact {
			held.overlapping++
		}
		if isFound && (match.IsExact || contamination == spec.TakeOutOverlap) {
			if held.takenOut++; first == "" {
				first = fault.At(filepath.Base(eval), text.Line, "%s", match).Error()
			}
			continue
		}
		kept = append(kept, text.Text)
		held.add(text.Text)
	}
	switch {
	case held.takenOut > 0 && contamination == spec.RefuseAny:
		return heldOut{}, fault.New(fault.Invalid, "%d held-out rows stand in the training rows, the first is %s; expected none (evaluate.contamination: same takes them out)", held.takenOut, first)
	case held.takenOut > 0 && len(kept) == 0:
		return heldOut{}, fault.New(fault.Invalid, "all %d held-out rows stand in the training rows, the first is %s; expected others", held.takenOut, first)
	case held.takenOut > 0:
		held.path = filepath.Join(into, evalFile)
		return held, writeTexts(held.path, kept)
	}
	return held, nil
}

func (h *heldOut) add(text string) {
	row := asked{question: text}
	if question, answer, found := instruct.Split(text); found {
		row = asked{question, answer}
	}
	h.rows = append(h.rows, row)
}

// asked are the questions of a plan, and behind them so many held-out rows as it says.
func (h *heldOut) asked(plan spec.EvaluatePlan) []asked {
	var all []asked
	for _, question := range plan.Questions {
		all = append(all, asked{question: question})
	}
	for _, row := range h.rows {
		if len(all) == len(plan.Questions)+plan.AnsweredRows {
			break
		}
		if row.answer != "" {
			all = append(all, row)
		}
	}
	return all
}

// prompts are the questions in the audience's form, up to the answer.
func (h *heldOut) prompts(plan spec.EvaluatePlan, audience spec.Audience) ([]string, error) {
	template := instruct.Guide()
	var prompts []string
	for _, asked := range h.asked(plan) {
		prompt, err := template.Prompt(asked.question, audience)
		if err != nil {
			return nil, err
		}
		prompts = append(prompts, prompt)
	}
	return prompts, nil
}

func writeTexts(path string, texts []string) (err error) {
	file, err := createFile(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	lines := source.NewTextWriter(file)
	for _, text := range texts {
		if err := lines.Write(text); err != nil {
			return err
		}
	}
	return file.Close()
}
