package safety

import (
	"math"
	"strings"

	"elara/data/sample"
	"elara/scoring/text"
	"elara/spec/fault"
)

// wordWeights say how much a word, or two words in a row, speak for an emergency: the logarithm of how often it occurs
// among emergencies over how often among other complaints, in the table of facts and in examples.txt.
type wordWeights map[string]float64

// leastSeen is in how many entries a word must occur to have a weight.
const leastSeen = 2

func newWordWeights(name, examples string) (wordWeights, error) {
	conditions, err := sample.Facts()
	if err != nil {
		return nil, err
	}
	grave, routine := tally{}, tally{}
	for _, c := range conditions {
		grave.add(c.Ambulance...)
		grave.add(c.RedFlags...)
		routine.add(c.SeeDoctor...)
		routine.add(c.SelfCare...)
		if c.Urgency == sample.Routine {
			routine.add(c.Patient...)
			routine.add(c.Signs...)
			continue
		}
		grave.add(c.Caller...)
		grave.add(c.Patient...)
	}
	for number, line := range strings.Split(strings.TrimSpace(examples), "\n") {
		kind, question, _ := strings.Cut(line, ": ")
		switch {
		case strings.HasPrefix(line, "#"):
		case kind == "emergency":
			grave.add(question)
		case kind == "other":
			routine.add(question)
		default:
			return nil, fault.At(name, number+1, `expected "emergency: " or "other: " and a question`)
		}
	}
	weights := wordWeights{}
	for _, counts := range []map[string]int{grave.in, routine.in} {
		for term := range counts {
			if grave.in[term]+routine.in[term] >= leastSeen {
				weights[term] = grave.logShare(term) - routine.logShare(term)
			}
		}
	}
	return weights, nil
}

// tally counts in how many entries each term occurs.
type tally struct {
	in      map[string]int
	entries int
}

func (t *tally) add(entries ...string) {
	if t.in == nil {
		t.in = map[string]int{}
	}
	for _, entry := range entries {
		t.entries++
		seen := map[string]bool{}
		for _, term := range termsOf(text.Parse(entry)) {
			if !seen[term] {
				seen[term] = true
				t.in[term]++
			}
		}
	}
}

// logShare is smoothed by half an entry, so that a term seen on one side only has a weight too.
func (t *tally) logShare(term string) float64 {
	return math.Log((float64(t.in[term]) + 0.5) / float64(t.entries+1))
}

// termsOf are the words of a text and the pairs of neighbours within a sentence.
func termsOf(d *text.Doc) []string {
	var all []string
	for i, w := range d.Words {
		all = append(all, w.Lower)
		if i > 0 && d.Words[i-1].Sentence == w.Sentence {
			all = append(all, d.Words[i-1].Lower+" "+w.Lower)
		}
	}
	return all
}

// like sums the weights of a question's terms over the root of their number, so that length alone does not grow it.
func (w wordWeights) like(d *text.Doc) float64 {
	sum, n := 0.0, 0
	for _, term := range termsOf(d) {
		if weight, isKnown := w[term]; isKnown {
			sum += weight
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / math.Sqrt(float64(n))
}
