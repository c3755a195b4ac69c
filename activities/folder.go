package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"elara/data/instruct"
	"elara/data/source"
	"elara/scoring/gates"
	"elara/spec"
	"elara/spec/fault"
	htmlreport "elara/telemetry/report"
)

// FolderInput is an evaluation of an adapter on this machine, without a store: the stage's own measures on files.
type FolderInput struct {
	Job       spec.EvaluateJob // Prompts are filled in
	Audience  spec.Audience    // empty: the one whose form the first row has
	TrainData string           // rows that must not be among those of Job.EvalDataPath; empty: nobody looks
	Plan      spec.EvaluatePlan
	Scratch   string
}

// EvaluateFolder gives the score and the files of its report: report.json, report.md, report.html, answers.jsonl, losses.jsonl and,
// where the plan asks, choices.jsonl.
func EvaluateFolder(ctx context.Context, e Evaluator, in FolderInput, progress func(spec.Progress)) (spec.AdapterScore, map[string][]byte, error) {
	if in.TrainData == "" {
		in.Plan.Contamination = ""
	}
	held, err := readHeldOut(ctx, in.Job.EvalDataPath, in.TrainData, in.Scratch, in.Plan.Contamination)
	if err != nil {
		return spec.AdapterScore{}, nil, err
	}
	if in.Audience == "" {
		if in.Audience, err = audienceOf(ctx, held.path); err != nil {
			return spec.AdapterScore{}, nil, err
		}
	}
	name := spec.AdapterName(filepath.Base(in.Job.Adapter))
	in.Job.EvalDataPath = held.path
	if in.Job.Prompts, err = held.prompts(in.Plan, in.Audience); err != nil {
		return spec.AdapterScore{}, nil, err
	}
	if in.Job.Choices, err = loadChoices(in.Plan.Choices); err != nil {
		return spec.AdapterScore{}, nil, err
	}
	in.Job.OtherQuestions = in.Plan.OtherQuestions
	outcome, err := e.Evaluate(ctx, in.Job, progress)
	if err != nil {
		return spec.AdapterScore{}, nil, err
	}
	score, found, err := measured(name, in.Audience, in.Plan, in.Job, held, outcome)
	if err != nil {
		return spec.AdapterScore{}, nil, err
	}
	files, err := found.files()
	if err != nil {
		return spec.AdapterScore{}, nil, err
	}
	report := spec.Report{Scores: []spec.AdapterScore{score}}
	content, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return spec.AdapterScore{}, nil, err
	}
	page, err := htmlreport.EvaluationPage(htmlreport.Evaluated{
		Title:    string(name),
		Facts:    []htmlreport.Fact{{Name: "adapter", Value: in.Job.Adapter}, {Name: "base model", Value: in.Job.BaseModel}, {Name: "audience", Value: string(in.Audience)}},
		Adapters: []htmlreport.EvaluatedAdapter{besideBase(score, found.answers)}, Limits: figureLimits(),
	})
	maps.Copy(files, map[string][]byte{
		reportJSON: append(content, '\n'), reportMarkdown: []byte(markdown(report, [][]answer{found.answers})), reportHTML: page,
	})
	return score, files, err
}

// audienceOf finds the audience whose form the first row has; general where none fits.
func audienceOf(ctx context.Context, path string) (spec.Audience, error) {
	for text, err := range source.Texts(ctx, path) {
		if err != nil {
			return "", err
		}
		question, answer, _ := instruct.Split(text.Text)
		for _, audience := range spec.Audiences() {
			if whole, err := instruct.Guide().Text(question, answer, audience); err == nil && whole == text.Text {
				return audience, nil
			}
		}
		return spec.General, nil
	}
	return "", fault.At(path, 0, `no rows, expected {"text": ...} a line`)
}

// CompareFolders sets the adapter of one report beside that of an older one; both are folders with answers.jsonl and
// losses.jsonl.
func CompareFolders(older, newer string, rules spec.GateRules) (spec.AdapterGate, error) {
	was, err := folderItems(older)
	if err != nil {
		return spec.AdapterGate{}, err
	}
	is, err := folderItems(newer)
	if err != nil {
		return spec.AdapterGate{}, err
	}
	comparisons, err := compare(was.adapter(), is.adapter())
	if err != nil {
		return spec.AdapterGate{}, fmt.Errorf("%s and %s: %w", older, newer, err)
	}
	gate := gates.Decide(rules, comparisons, nil)
	gate.Adapter, gate.Against = spec.AdapterName(filepath.Base(newer)), older
	return gate, nil
}

func folderItems(folder string) (items, error) {
	return parseItems(folder, func(name string) ([]byte, error) {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if errors.Is(err, fs.ErrNotExist) && name == choicesFile {
			return nil, fault.New(fault.NotFound, "%s: no %s", folder, name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fault.At(folder, 0, "no %s; expected the folder of a measurement, as elara evaluate writes it", name)
		}
		return content, err
	})
}
