package tone

import (
	_ "embed"
	"slices"
	"sync"

	"elara/scoring/dose"
	"elara/scoring/terms"
	"elara/scoring/text"
)

var (
	//go:embed lexicon.txt
	lexiconFile string
	//go:embed jargon.txt
	jargonFile string
	//go:embed points.csv
	pointsFile string
	//go:embed targets.csv
	targetsFile string
)

// Speaker reads tones. It may be used from several goroutines.
type Speaker struct {
	words   *terms.Words
	lexicon *text.Lexicon
	jargon  *text.Lexicon
	points  []point
	targets []target
}

// Load reads the tables that are part of the program, once.
func Load() (*Speaker, error) { return load() }

var load = sync.OnceValues(func() (*Speaker, error) {
	words, err := terms.Load()
	if err != nil {
		return nil, err
	}
	s := &Speaker{words: words}
	if s.lexicon, err = text.ParseLexicon("lexicon.txt", lexiconFile); err != nil {
		return nil, err
	}
	if s.jargon, err = text.ParseLexicon("jargon.txt", jargonFile); err != nil {
		return nil, err
	}
	if s.points, err = readPoints("points.csv", pointsFile); err != nil {
		return nil, err
	}
	s.targets, err = readTargets("targets.csv", targetsFile)
	return s, err
})

// Reading is what was counted in a text. Shares are of words, but orders and questions of sentences.
type Reading struct {
	Readability Readability
	Shares      map[string]float64
	Blames      []string // the words
	Alarms      []string
}

// Features are the names of the shares, in the order of reports.
func Features() []string {
	return []string{
		"jargon", "reader", "speaker", "empathy", "blame", "alarm", "certainty", "hedging", "now", "call", "victim", "definition", "orders", "questions", "amounts",
		"words per sentence", "syllables per word",
	}
}

// Read counts.
func (s *Speaker) Read(content string) Reading {
	d := text.Parse(content)
	r := Reading{Readability: readability(s.words, d), Shares: map[string]float64{}}
	if len(d.Words) == 0 {
		return r
	}
	for _, m := range s.lexicon.FindExact(d) {
		r.Shares[m.Concept]++
		switch {
		case m.Concept == "blame" && !d.Negated(m.First, m.First):
			r.Blames = append(r.Blames, d.Quote(m.First, m.Last))
		case m.Concept == "alarm" && !d.Negated(m.First, m.First):
			r.Alarms = append(r.Alarms, d.Quote(m.First, m.Last))
		}
	}
	r.Shares["jargon"] = float64(s.jargonWords(d))
	r.Shares["blame"], r.Shares["alarm"] = float64(len(r.Blames)), float64(len(r.Alarms))
	for _, q := range dose.Quantities(d) {
		if q.Kind != dose.Plain && q.Kind != dose.Hour {
			r.Shares["amounts"]++
		}
	}
	for name := range r.Shares {
		r.Shares[name] /= float64(len(d.Words))
	}
	sentences := float64(d.Sentences())
	r.Shares["orders"] = float64(orders(d)) / sentences
	r.Shares["questions"] = float64(questions(content)) / sentences
	r.Shares["words per sentence"] = float64(len(d.Words)) / sentences
	r.Shares["syllables per word"] = float64(r.Readability.Syllables) / float64(len(d.Words))
	return r
}

// orderVerbs begin an order to whoever helps.
var orderVerbs = []string{
	"call", "phone", "ring", "dial", "give", "lay", "keep", "press", "push", "check", "put", "move", "take", "stop", "start", "begin", "stay", "wait", "watch",
	"roll", "turn", "tilt", "open", "loosen", "cover", "cool", "remove", "rinse", "hold", "let", "sit", "raise", "note", "write", "tell", "send", "bring", "get",
	"shout", "ask", "repeat", "use", "inject", "wrap", "pour", "throw", "switch", "collect", "prop", "clear", "time", "protect", "go", "pick", "suck", "leave",
	"change", "kneel", "look", "hand", "tie", "speak", "make", "hit", "seek", "treat", "dont", "don't", "do", "never", "no", "if",
}

// orders counts sentences that begin with an order: a verb, "do not", or "if ..., verb".
func orders(d *text.Doc) int {
	count := 0
	for sentence := range d.Sentences() {
		first, last := d.Sentence(sentence)
		w := d.Words[first].Lower
		switch {
		case w == "do" || w == "don't" || w == "dont":
			if w != "do" || first < last && d.Words[first+1].Lower == "not" {
				count++
			}
		case w == "if":
			for i := first + 1; i <= last; i++ {
				if d.Words[i].IsComma && slices.Contains(orderVerbs[:len(orderVerbs)-6], d.Words[i].Lower) {
					count++
					break
				}
			}
		case w == "no" || slices.Contains(orderVerbs, w):
			count++
		}
	}
	return count
}

func questions(content string) int {
	count := 0
	for _, r := range content {
		if r == '?' {
			count++
		}
	}
	return count
}
