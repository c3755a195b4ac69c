package scoring

import (
	"math"
	"sync"

	"elara/data/sample"
	"elara/scoring/accuracy"
	"elara/scoring/relevance"
	"elara/scoring/safety"
	"elara/scoring/tone"
	"elara/spec"
)

// Judge holds all measures. It may be used from several goroutines.
type Judge struct {
	accuracy  *accuracy.Scorer
	relevance *relevance.Scorer
	tone      *tone.Speaker
	safety    *safety.Rules
	fillers   []string // questions to compare with where a file has too few
}

// Load reads the tables that are part of the program, once.
func Load() (*Judge, error) { return load() }

var load = sync.OnceValues(func() (*Judge, error) {
	var j Judge
	var err error
	if j.accuracy, err = accuracy.Load(); err != nil {
		return nil, err
	}
	if j.relevance, err = relevance.Load(); err != nil {
		return nil, err
	}
	if j.tone, err = tone.Load(); err != nil {
		return nil, err
	}
	if j.safety, err = safety.Load(); err != nil {
		return nil, err
	}
	conditions, err := sample.Facts()
	if err != nil {
		return nil, err
	}
	for _, c := range conditions {
		j.fillers = append(j.fillers, "What is "+c.Phrase+"?")
	}
	return &j, nil
})

// Judgement is one line of a report.
type Judgement struct {
	Accuracy  *Accuracy        `json:"accuracy,omitempty"` // with a reference only
	Relevance Relevance        `json:"relevance"`
	Tone      Tone             `json:"tone"`
	Findings  []safety.Finding `json:"findings"`
}

// Accuracy of an answer against its reference.
type Accuracy struct {
	Score      float64  `json:"score"`
	FactRecall float64  `json:"fact_recall"`
	Numbers    float64  `json:"numbers"`
	TokenF1    float64  `json:"token_f1"`
	RougeL     float64  `json:"rouge_l"`
	Missing    []string `json:"missing,omitempty"`
	Instead    []string `json:"instead,omitempty"`
}

// Relevance of an answer to its question.
type Relevance struct {
	Score float64         `json:"score"`
	Rank  int             `json:"rank"`
	Of    int             `json:"of"`
	Fault relevance.Fault `json:"fault,omitempty"`
}

// Tone of an answer.
type Tone struct {
	Suits  spec.Audience `json:"suits"`            // the audience that it suits best
	Score  *float64      `json:"score,omitempty"`  // share of the targets met of the audience asked for
	Missed []string      `json:"missed,omitempty"` // of that audience
	Grade  *float64      `json:"grade,omitempty"`  // Flesch-Kincaid, of 100 words and more
	Smog   *float64      `json:"smog,omitempty"`
}

// All judges pairs beside each other. Without an audience ("") tone is classified only.
func (j *Judge) All(pairs []Pair, audience spec.Audience) ([]Judgement, error) {
	var questions []string
	for _, pair := range pairs {
		questions = append(questions, pair.Question)
	}
	if len(questions) <= relevance.Distractors {
		questions = append(questions, j.fillers...)
	}
	batch := j.relevance.NewBatch(questions)
	all := make([]Judgement, len(pairs))
	for i, pair := range pairs {
		answer := *pair.Answer
		score := batch.Score(i, answer, relevance.Distractors)
		all[i].Relevance = Relevance{score.Value, score.Rank, score.Of, score.Fault}
		all[i].Findings = append([]safety.Finding{}, j.safety.Judge(pair.Question, answer)...)
		var err error
		if all[i].Tone, err = j.readTone(answer, audience); err != nil {
			return nil, err
		}
		if pair.Reference == nil {
			continue
		}
		if all[i].Accuracy, err = j.compare(*pair.Reference, answer); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (j *Judge) readTone(answer string, audience spec.Audience) (Tone, error) {
	reading := j.tone.Read(answer)
	t := Tone{Suits: j.tone.Suits(reading).Audience, Grade: finite(reading.Readability.Grade), Smog: finite(reading.Readability.Smog)}
	if audience == "" {
		return t, nil
	}
	verdict, err := j.tone.Judge(reading, audience)
	t.Score, t.Missed = &verdict.Score, verdict.Missed
	return t, err
}

func (j *Judge) compare(reference, answer string) (*Accuracy, error) {
	score, err := j.accuracy.Score(reference, answer)
	if err != nil {
		return nil, err
	}
	a := &Accuracy{Score: score.Value, FactRecall: score.Recall.Value, Numbers: score.NumberShare, TokenF1: score.TokenF1, RougeL: score.RougeL}
	for _, fact := range score.Recall.Missing {
		a.Missing = append(a.Missing, fact.String())
	}
	for _, fact := range score.Recall.Instead {
		a.Instead = append(a.Instead, fact.String())
	}
	return a, nil
}

// finite gives nothing for a figure that there is none of: JSON knows no NaN.
func finite(value float64) *float64 {
	if math.IsNaN(value) {
		return nil
	}
	return &value
}
