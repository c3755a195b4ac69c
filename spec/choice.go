package spec

import (
	"path/filepath"
	"slices"

	"elara/spec/fault"
)

// ChoiceForm is how multiple-choice questions are written in a file and put to a model.
type ChoiceForm string

// The forms; scoring/choice.Read has the lines of each.
const (
	ChoiceMedQA    ChoiceForm = "medqa"
	ChoiceMedMCQA  ChoiceForm = "medmcqa"
	ChoicePubMedQA ChoiceForm = "pubmedqa"
	ChoiceGeneric  ChoiceForm = "generic" // the model sees the choices, and their letters are scored
	ChoiceCloze    ChoiceForm = "cloze"   // the model sees no choices, and their texts are scored
)

// ChoiceForms lists them.
func ChoiceForms() []ChoiceForm {
	return []ChoiceForm{ChoiceMedQA, ChoiceMedMCQA, ChoicePubMedQA, ChoiceGeneric, ChoiceCloze}
}

// ChoiceSet is one set of multiple-choice questions that every adapter of an evaluation is asked.
type ChoiceSet struct {
	Form     ChoiceForm `json:"form"`
	Path     string     `json:"path,omitempty"`      // JSONL that the control worker reads; empty: the project's own questions
	MaxItems int        `json:"max_items,omitempty"` // the first so many; 0: all
}

// Name is what reports call it.
func (s ChoiceSet) Name() string {
	if s.Path == "" {
		return "own, " + string(s.Form)
	}
	return filepath.Base(s.Path) + ", " + string(s.Form)
}

// Check refuses a set without a file whose form the project's own questions do not have.
func (s ChoiceSet) Check() error {
	if !slices.Contains(ChoiceForms(), s.Form) {
		return fault.New(fault.Invalid, "form %q: expected medqa, medmcqa, pubmedqa, generic or cloze", string(s.Form))
	}
	if s.Path == "" && s.Form != ChoiceGeneric && s.Form != ChoiceCloze {
		return fault.New(fault.Invalid, "form %s without a path: the own questions come as generic or cloze", s.Form)
	}
	return nil
}

// ChoiceItem is one question as a model sees it: it scores the continuations " " + choice behind the prompt.
type ChoiceItem struct {
	Set     string   `json:"set,omitempty"` // name of the set in reports; empty outside evaluations
	ID      string   `json:"id"`
	Prompt  string   `json:"prompt"`
	Choices []string `json:"choices"`
	Gold    int      `json:"gold"` // number of the right choice
}

// Likelihood is what a model gives for one choice: the sum of log p over its tokens, in nats, and how many those are.
type Likelihood struct {
	Sum    float64 `json:"sum"`
	Tokens int     `json:"tokens"`
}

// ChoiceScore is what base and adapter get right of a set. Norm takes the largest likelihood per character of the choice.
type ChoiceScore struct {
	Set         string   `json:"set"`
	Items       int      `json:"items"`
	Chance      float64  `json:"chance"`
	BaseAcc     Estimate `json:"base_acc"`
	Acc         Estimate `json:"acc"`
	BaseAccNorm Estimate `json:"base_acc_norm"`
	AccNorm     Estimate `json:"acc_norm"`
}
