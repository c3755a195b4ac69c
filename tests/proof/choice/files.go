package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"elara/scoring/choice"
	"elara/spec"
)

const places = 4 // choices of an item of the own set

// questions are n different ones: the own set, and again with its choices moved on by one place, and by two and three.
func questions(n int) ([]choice.Generic, error) {
	own, err := choice.Own()
	if err != nil {
		return nil, err
	}
	var all []choice.Generic
	for turn := range places {
		for _, item := range own {
			moved := item
			moved.ID = fmt.Sprintf("%s/%d", item.ID, turn)
			moved.Choices = slices.Concat(item.Choices[turn:], item.Choices[:turn])
			moved.Answer = string(rune('A' + (int(item.Answer[0]-'A')-turn+places)%places))
			all = append(all, moved)
		}
	}
	if n < 1 || n > len(all) {
		return nil, fmt.Errorf("%d questions: expected 1 to %d", n, len(all))
	}
	return all[:n], nil
}

// line is a question in one of the forms.
func line(form spec.ChoiceForm, q choice.Generic) any {
	gold := int(q.Answer[0] - 'A')
	switch form {
	case spec.ChoiceMedQA:
		options := map[string]string{}
		for i, c := range q.Choices {
			options[string(rune('A'+i))] = c
		}
		return map[string]any{"question": q.Question, "options": options, "answer_idx": q.Answer}
	case spec.ChoiceMedMCQA:
		return map[string]any{"id": q.ID, "question": q.Question, "opa": q.Choices[0], "opb": q.Choices[1], "opc": q.Choices[2], "opd": q.Choices[3], "cop": gold}
	case spec.ChoicePubMedQA:
		return map[string]any{"question": q.Question, "context": map[string]any{"contexts": q.Choices}, "final_decision": []string{"yes", "no", "maybe"}[gold%3]}
	default:
		return q
	}
}

// write puts questions into a file of a form.
func write(dir string, form spec.ChoiceForm, list []choice.Generic) (string, error) {
	var text []byte
	for _, q := range list {
		row, err := json.Marshal(line(form, q))
		if err != nil {
			return "", err
		}
		text = append(append(text, row...), '\n')
	}
	path := filepath.Join(dir, fmt.Sprintf("%s-%d.jsonl", form, len(list)))
	return path, os.WriteFile(path, text, 0o644)
}
