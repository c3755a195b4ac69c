package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"elara/spec"
	"elara/starter/devstack"
	"elara/starter/terminal"
	"elara/storage"
	"elara/storage/artifact"
)

// widestText keeps running text readable on a wide terminal.
const widestText = 100

// demoReport is what a demo ends with.
type demoReport struct {
	Input    spec.PipelineInput
	Result   spec.PipelineResult
	Answers  []shownAnswer // one per audience
	Adapters string        // folder of the exported adapters
	UI       string
	Curves   string // page with the curves of the trainings; empty: there is none on this machine
	Took     time.Duration
	Peaks    []peak
}

// answer is one line of answers.jsonl.
type answer struct {
	Question string `json:"question"`
	Base     string `json:"base_answer"`
	Adapter  string `json:"adapter_answer"`
}

type shownAnswer struct {
	Adapter spec.AdapterName
	answer
}

// readAnswers reads what base and adapter answered to the questions of the evaluation.
func readAnswers(ctx context.Context, store storage.Store, report spec.ArtifactRef) ([]answer, error) {
	if report.IsZero() {
		return nil, nil
	}
	content, err := artifact.ReadFile(ctx, store, report, "answers.jsonl")
	if err != nil {
		return nil, err
	}
	var answers []answer
	decoder := json.NewDecoder(bytes.NewReader(content))
	for {
		var a answer
		err := decoder.Decode(&a)
		if errors.Is(err, io.EOF) {
			return answers, nil
		}
		if err != nil {
			return nil, err
		}
		answers = append(answers, a)
	}
}

// text draws the report.
func (r demoReport) text(width int) string {
	var b strings.Builder
	b.WriteString(resultText(r.Result))
	for _, a := range r.Answers {
		fmt.Fprintf(&b, "\n%s: %s\n", strings.ToUpper(string(a.Adapter)), a.Question)
		fmt.Fprintf(&b, "  before\n%s\n", terminal.Wrap(orNothing(a.Base), "    ", width))
		fmt.Fprintf(&b, "  after\n%s\n", terminal.Wrap(orNothing(a.answer.Adapter), "    ", width))
	}
	b.WriteString("\nThe adapters, for PEFT or elara:\n")
	for _, adapter := range r.Result.Adapters {
		fmt.Fprintf(&b, "  %s/%s\n", r.Adapters, adapter.Adapter)
	}
	fmt.Fprintf(&b, "The run in Temporal's Web UI:\n  %s\n", r.UI)
	if r.Curves != "" {
		fmt.Fprintf(&b, "The curves of the trainings, for a browser:\n  %s\n", r.Curves)
	}
	fmt.Fprintf(&b, "Took %s, peak memory %s\n", terminal.Duration(r.Took), peaksText(r.Peaks))
	return b.String()
}

func orNothing(text string) string {
	if strings.TrimSpace(text) == "" {
		return "(nothing)"
	}
	return text
}

// peak is the largest resident memory that a part of the stack has had.
type peak struct {
	Part      string
	SizeBytes int64
}

func peaksText(peaks []peak) string {
	var total int64
	var parts []string
	for _, p := range peaks {
		total += p.SizeBytes
		parts = append(parts, p.Part+" "+terminal.Bytes(p.SizeBytes))
	}
	return fmt.Sprintf("%s (%s)", terminal.Bytes(total), strings.Join(parts, ", "))
}

// peaks asks the kernel about the processes of the folder's stack. A part that has just been started again counts
// from then on.
func peaks(folder string) ([]peak, error) {
	record, err := devstack.Find(folder)
	if err != nil {
		return nil, err
	}
	parts := append([]devstack.Part{{Name: "stack", PID: record.PID}}, record.Parts...)
	var all []peak
	for _, part := range parts {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", part.PID))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, peak{Part: part.Name, SizeBytes: highWater(string(status))})
	}
	return all, nil
}

// highWater reads the line "VmHWM: 12345 kB" of a process's status, where kB means 1,024 bytes; 0 when it is not there.
func highWater(status string) int64 {
	for line := range strings.Lines(status) {
		value, found := strings.CutPrefix(line, "VmHWM:")
		if !found {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
		if err != nil {
			return 0
		}
		return kib << 10
	}
	return 0
}
