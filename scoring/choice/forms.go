package choice

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The prompts are those of lm-evaluation-harness's tasks medqa_4options, medmcqa, pubmedqa and, for cloze, arc_easy.

func medqa(line []byte) (row, error) {
	var in struct {
		Question string            `json:"question"`
		Options  map[string]string `json:"options"`
		Label    string            `json:"answer_idx"`
	}
	if err := decode(line, &in, false); err != nil {
		return row{}, err
	}
	options := make([]string, len(in.Options))
	for i := range options {
		option, isThere := in.Options[letter(i)]
		if !isThere {
			return row{}, fmt.Errorf(`"options" has no %s; expected the letters from A on`, letter(i))
		}
		options[i] = option
	}
	return question(in.Question, "", options, in.Label)
}

func medmcqa(line []byte) (row, error) {
	var in struct {
		ID       string `json:"id"`
		Question string `json:"question"`
		A        string `json:"opa"`
		B        string `json:"opb"`
		C        string `json:"opc"`
		D        string `json:"opd"`
		Cop      *int   `json:"cop"`
	}
	if err := decode(line, &in, false); err != nil {
		return row{}, err
	}
	if in.Cop == nil || *in.Cop < 0 || *in.Cop > 4 {
		return row{}, errors.New(`"cop" is missing or outside the choices; expected 0 to 3 or 1 to 4`)
	}
	r, err := question(in.Question, "Choices:\n", []string{in.A, in.B, in.C, in.D}, fmt.Sprint(*in.Cop))
	r.id = in.ID
	return r, err
}

func pubmedqa(line []byte) (row, error) {
	var in struct {
		ID       json.Number `json:"pubid"`
		Question string      `json:"question"`
		Context  struct {
			Contexts []string `json:"contexts"`
		} `json:"context"`
		Label string `json:"final_decision"`
	}
	if err := decode(line, &in, false); err != nil {
		return row{}, err
	}
	switch {
	case strings.TrimSpace(in.Question) == "":
		return row{}, errNoQuestion
	case len(in.Context.Contexts) == 0:
		return row{}, errors.New(`no "contexts" in "context"; expected the abstract`)
	}
	prompt := "Abstract: " + strings.Join(in.Context.Contexts, "\n") + "\nQuestion: " + in.Question + "\nAnswer:"
	return row{id: in.ID.String(), prompt: prompt, choices: []string{"yes", "no", "maybe"}, label: in.Label}, nil
}

func generic(line []byte) (row, error) {
	in, err := decodeGeneric(line)
	if err != nil {
		return row{}, err
	}
	return shown(in)
}

func cloze(line []byte) (row, error) {
	in, err := decodeGeneric(line)
	if err != nil {
		return row{}, err
	}
	return hidden(in)
}

// shown puts the choices before the model, which scores their letters.
func shown(in Generic) (row, error) {
	r, err := question(in.Question, "", in.Choices, in.Answer)
	r.id = in.ID
	return r, err
}

// hidden shows no choices: each text is scored behind the question alone, as in the harness's ARC tasks. Only here do the lengths of
// choices differ enough for acc_norm to say something else than acc.
func hidden(in Generic) (row, error) {
	r, err := shown(in)
	r.labels, r.choices = r.choices, in.Choices
	r.prompt = "Question: " + in.Question + "\nAnswer:"
	return r, err
}

func decodeGeneric(line []byte) (in Generic, err error) {
	if err := decode(line, &in, true); err != nil {
		return in, err
	}
	sorted := slices.Sorted(slices.Values(in.Choices))
	if len(slices.Compact(sorted)) < len(in.Choices) {
		return in, errors.New("a choice stands twice; expected different ones")
	}
	return in, nil
}

// Generic is a line of the generic form and of cloze.
type Generic struct {
	ID       string   `json:"id"`
	Question string   `json:"question"`
	Choices  []string `json:"choices"`
	Answer   string   `json:"answer"` // a letter
}

func question(asked, head string, options []string, label string) (row, error) {
	if strings.TrimSpace(asked) == "" {
		return row{}, errNoQuestion
	}
	for i, option := range options {
		if strings.TrimSpace(option) == "" {
			return row{}, fmt.Errorf("choice %s is empty; expected a text", letter(i))
		}
	}
	lines, letters := lettered(options)
	return row{prompt: "Question: " + asked + "\n" + head + lines + "Answer:", choices: letters, label: label}, nil
}
