package accuracy

import (
	"slices"
	"strings"
	"sync"

	"elara/scoring/terms"
	"elara/spec/fault"
)

// Score compares an answer with its reference.
type Score struct {
	Value       float64 // 0 to 1: factShare of the facts' score, the rest token F1
	Recall      Recall
	NumberShare float64 // share of the reference's amounts, frequencies, durations and numbers that the answer has exactly; 1 for none
	TokenF1     float64
	RougeL      float64 // F-measure
}

// Recall is the comparison of facts.
type Recall struct {
	Value   float64 // weight of the reference's facts that the answer tells, over the weight of all
	Score   float64 // that, less what the answer tells instead
	Missing []Fact  // of the reference
	Instead []Fact  // of the answer, of a kind of which the reference has others
}

// factShare is the weight of the facts in the score.
const factShare = 0.9

// Scorer compares answers with references. It may be used from several goroutines.
type Scorer struct{ words *terms.Words }

// Load reads the tables that are part of the program, once.
func Load() (*Scorer, error) { return load() }

var load = sync.OnceValues(func() (*Scorer, error) {
	words, err := terms.Load()
	return &Scorer{words}, err
})

// Score compares an answer with its reference.
func (s *Scorer) Score(reference, answer string) (Score, error) {
	if strings.TrimSpace(reference) == "" {
		return Score{}, fault.New(fault.Invalid, "empty reference; expected the right answer")
	}
	wanted, told := Facts(s.words, reference), Facts(s.words, answer)
	score := Score{Recall: compare(wanted, told), NumberShare: numberShare(wanted, told), TokenF1: TokenF1(reference, answer), RougeL: RougeL(reference, answer)}
	score.Value = score.TokenF1
	if len(wanted) > 0 {
		score.Value = factShare*score.Recall.Score + (1-factShare)*score.TokenF1
	}
	return score, nil
}

// compare weighs what is told, missing, and told instead: told / (told + missing + instead), a Tversky index (Psychol
// Rev 84, 1977). What the answer tells beyond the reference costs nothing unless isInstead says that it stands in place
// of something.
func compare(wanted, told []Fact) Recall {
	var r Recall
	hit, missed, instead := 0.0, 0.0, 0.0
	missing := map[Kind]bool{}
	for _, fact := range wanted {
		if slices.Contains(told, fact) {
			hit += fact.Kind.weight()
			continue
		}
		missed += fact.Kind.weight()
		missing[fact.Kind] = true
		r.Missing = append(r.Missing, fact)
	}
	for _, fact := range told {
		if !slices.Contains(wanted, fact) && isInstead(fact, wanted, missing) {
			instead += fact.Kind.weightInstead()
			r.Instead = append(r.Instead, fact)
		}
	}
	if hit+missed > 0 {
		r.Value, r.Score = hit/(hit+missed), hit/(hit+missed+instead)
	}
	return r
}

// isInstead reports whether a fact that the reference does not have is wrong by it: the same fact with the other sign,
// another fact of a kind that is missing, a drug or an amount of which the reference knows nothing, or a way of giving
// a drug other than by mouth where the reference, as usual for tablets, names none.
func isInstead(fact Fact, wanted []Fact, missing map[Kind]bool) bool {
	if slices.Contains(wanted, Fact{fact.Kind, fact.Value, !fact.IsDenied}) {
		return true
	}
	switch fact.Kind {
	case Drug, Amount:
		return true
	case Sign, Duration:
		return false
	case Route:
		named := slices.ContainsFunc(wanted, func(f Fact) bool { return f.Kind == Route })
		hasDrug := slices.ContainsFunc(wanted, func(f Fact) bool { return f.Kind == Drug })
		return missing[Route] || !named && hasDrug && fact.Value != "oral"
	}
	return missing[fact.Kind]
}

func numberShare(wanted, told []Fact) float64 {
	all, hit := 0, 0
	for _, fact := range wanted {
		switch fact.Kind {
		case Amount, Frequency, Duration, Number:
			all++
			if slices.Contains(told, fact) {
				hit++
			}
		}
	}
	if all == 0 {
		return 1
	}
	return float64(hit) / float64(all)
}
