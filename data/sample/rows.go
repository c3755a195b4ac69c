package sample

import (
	"fmt"

	"elara/spec"
)

// columns is the head of every CSV file made here.
func columns() []string { return []string{"question", "answer", "audience", "condition", "source"} }

// row is one question with its answer.
type row struct {
	question  string
	answer    string
	audience  spec.Audience
	condition string
	source    string
}

func (r row) fields() []string {
	return []string{r.question, r.answer, string(r.audience), r.condition, r.source}
}

// questionRows renders the questions and answers of qa.csv, all sound.
func questionRows(conditions []Condition, seed uint64) ([]row, error) {
	sets, err := readFrames("frames/questions")
	if err != nil {
		return nil, err
	}
	return askAll(conditions, sets, seed)
}

// dialogueRows renders the doctor-patient dialogues: the question is the talk so far, a turn a line, and the
// answer is the doctor's next turn.
func dialogueRows(conditions []Condition, seed uint64) ([]row, error) {
	sets, err := readFrames("frames/dialogues")
	if err != nil {
		return nil, err
	}
	return askAll(conditions, sets, seed)
}

// askAll renders the rows of all conditions, condition by condition.
func askAll(conditions []Condition, sets []frameSet, seed uint64) ([]row, error) {
	var rows []row
	for i := range conditions {
		condition := &conditions[i]
		for _, set := range sets {
			for _, kind := range set.Types {
				if !kind.fits(condition.Urgency) {
					continue
				}
				asked, err := condition.ask(set.Audience, kind, seed)
				if err != nil {
					return nil, fmt.Errorf("render %q for condition %q: %w", kind.Name, condition.ID, err)
				}
				rows = append(rows, asked...)
			}
		}
	}
	return rows, nil
}

// ask renders the rows of one type: each with another question, and another frame of answer while there are any.
func (c *Condition) ask(audience spec.Audience, kind questionType, seed uint64) ([]row, error) {
	first := newStream(seed, c.ID, string(audience), kind.Name)
	rows := make([]row, kind.Rows)
	for n := range rows {
		pieces := c.slots(newStream(seed, c.ID, string(audience), kind.Name, fmt.Sprint(n)), n)
		question, err := pieces.fill(kind.Questions[(first.below(0, len(kind.Questions))+n)%len(kind.Questions)])
		if err != nil {
			return nil, err
		}
		answer, err := pieces.fill(kind.Answers[(first.below(1, len(kind.Answers))+n)%len(kind.Answers)])
		if err != nil {
			return nil, err
		}
		rows[n] = row{question, answer, audience, c.ID, c.Sources[n%len(c.Sources)].String()}
	}
	return rows, nil
}
