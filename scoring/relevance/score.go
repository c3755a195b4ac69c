package relevance

import (
	_ "embed"
	"sync"

	"elara/scoring/refusal"
	"elara/scoring/terms"
	"elara/scoring/text"
)

// Fault is why an answer is none, whatever its words.
type Fault string

// The faults; an answer has at most one.
const (
	None    Fault = ""
	Empty   Fault = "empty"
	Echo    Fault = "echo"
	Refusal Fault = "refusal"
)

// Score says how an answer belongs to its question.
type Score struct {
	Value float64 // likeness to its question less the mean likeness to the others; 0 with a fault
	Plain float64 // likeness to its question
	Rank  int     // 1 when no other question is liker; ties count against the answer
	Of    int     // questions compared, its own included
	Fault Fault
}

// ReciprocalRank is 1 over the rank, 0 with a fault.
func (s Score) ReciprocalRank() float64 {
	if s.Fault != None {
		return 0
	}
	return 1 / float64(s.Rank)
}

// Scorer compares answers with questions. It may be used from several goroutines.
type Scorer struct {
	words      *terms.Words
	background *background
	subjects   *text.Lexicon
	refusals   *refusal.Reader
}

//go:embed subjects.txt
var subjectsFile string

// Load reads the tables that are part of the program, once.
func Load() (*Scorer, error) { return load() }

var load = sync.OnceValues(func() (*Scorer, error) {
	words, err := terms.Load()
	if err != nil {
		return nil, err
	}
	refusals, err := refusal.Load()
	if err != nil {
		return nil, err
	}
	subjects, err := text.ParseLexicon("subjects.txt", subjectsFile)
	if err != nil {
		return nil, err
	}
	b, err := newBackground()
	return &Scorer{words, b, subjects, refusals}, err
})

// Score compares an answer with its question and with others.
func (s *Scorer) Score(question, answer string, others []string) Score {
	return s.NewBatch(append([]string{question}, others...)).Score(0, answer, len(others))
}

// Batch are questions that are each other's distractors, read once.
type Batch struct {
	scorer    *Scorer
	questions []string
	sketches  []sketch
}

// NewBatch reads the questions.
func (s *Scorer) NewBatch(questions []string) *Batch {
	b := &Batch{scorer: s, questions: questions}
	for _, q := range questions {
		b.sketches = append(b.sketches, s.background.sketch(s.words, s.subjects, q))
	}
	return b
}

// Score compares an answer with the question of a number, beside as many of the questions that follow it, round the end
// of the batch. Copies of the question are no distractors.
func (b *Batch) Score(number int, answer string, distractors int) Score {
	score := Score{Rank: 1, Of: 1, Fault: b.scorer.fault(b.questions[number], answer)}
	told := b.scorer.background.sketch(b.scorer.words, b.scorer.subjects, answer)
	score.Plain = b.scorer.background.likeness(b.sketches[number], told)
	sum := 0.0
	for step := 1; step < len(b.sketches) && score.Of <= distractors; step++ {
		i := (number + step) % len(b.sketches)
		if b.questions[i] == b.questions[number] {
			continue
		}
		likeness := b.scorer.background.likeness(b.sketches[i], told)
		sum += likeness
		score.Of++
		if likeness >= score.Plain {
			score.Rank++
		}
	}
	if score.Fault != None {
		return score
	}
	score.Value = score.Plain
	if score.Of > 1 {
		score.Value -= sum / float64(score.Of-1)
	}
	return score
}

// newWords is how many words an answer must have that the question has not, not counting stop words.
const newWords = 2

func (s *Scorer) fault(question, answer string) Fault {
	d := text.Parse(answer)
	reading := s.refusals.Read(d)
	asked := map[string]bool{}
	for _, w := range text.Parse(question).Words {
		asked[stem(w.Lower)] = true
	}
	fresh := map[string]bool{}
	for _, w := range d.Words {
		if st := stem(w.Lower); !asked[st] && !isStopword(w.Lower) && w.Lower != "question" && w.Lower != "answer" && w.Lower != "ask" && w.Lower != "asked" {
			fresh[st] = true
		}
	}
	switch {
	case isEmpty(d):
		return Empty
	case reading.IsRefusal && reading.ContentWords < 5:
		return Refusal
	case len(fresh) < newWords && len(d.Words) >= 4:
		return Echo
	}
	return None
}

// isEmpty reports whether an answer has no words, or only a mark for none.
func isEmpty(d *text.Doc) bool {
	switch len(d.Words) {
	case 0:
		return true
	case 1, 2:
		switch first := d.Words[0].Lower; first {
		case "n", "na", "none", "null", "nan", "nil", "empty", "answer":
			return true
		}
	}
	return false
}
