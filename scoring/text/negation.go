package text

import (
	"slices"
	"strings"
)

// The scope of a negation follows NegEx (Chapman et al., J Biomed Inform 2001): from the trigger forwards over a few
// words, or backwards from a trigger that follows, and never past the words that end it.

const (
	scopeAhead  = 9 // words
	scopeBehind = 7
)

var (
	negatesAhead = []string{
		"no", "not", "never", "without", "neither", "nor", "cannot", "don't", "dont", "doesn't", "doesnt", "didn't", "isn't", "isnt",
		"aren't", "wasn't", "haven't", "hasn't", "won't", "can't", "cant", "shouldn't", "mustn't", "avoid", "avoids", "avoiding", "denies", "denied", "none",
	}
	negatesAheadPairs = []string{"free of", "stay away", "steer clear", "rather than", "instead of", "other than", "apart from", "absence of", "keep off", "rule out"}
	negatesBehind     = []string{"avoided", "contraindicated", "unsuitable", "inappropriate", "forbidden", "stopped", "absent"}

	// endsScope are words behind which a negation no longer holds.
	endsScope = []string{"but", "however", "although", "though", "except", "unless", "until", "yet", "because", "since", "if", "when", "instead"}
	// opensClause are words that begin another statement when a comma or "and" stands before them.
	opensClause = []string{
		"i", "he", "she", "it", "we", "they", "you", "my", "his", "her", "our", "your", "the", "a", "then", "so", "call", "give", "take", "use", "go", "see",
		"now", "today", "is", "are", "was", "has", "have", "had", "feel", "feels", "this", "that", "which", "as",
	}
)

// Negated reports whether any word of first to last lies in the scope of a negation.
func (d *Doc) Negated(first, last int) bool { return slices.Contains(d.scope[first:last+1], true) }

func negationScope(d *Doc) []bool {
	scope := make([]bool, len(d.Words))
	for i := range d.Words {
		if n := d.negatorAt(i); n > 0 {
			d.markAhead(scope, i, n)
			if isAuxiliary(d, i-1) || strings.HasSuffix(d.Words[i].Lower, "n't") {
				d.markBehind(scope, i-1)
			}
		}
		if slices.Contains(negatesBehind, d.Words[i].Lower) {
			d.markBehind(scope, i-1)
		}
	}
	return scope
}

// negatorAt gives how many words a negation at i has, 0 for none. "Not only" and "no longer than" are none; "not
// sure" and "why not" are left as they are.
func (d *Doc) negatorAt(i int) int {
	word, next := d.Words[i].Lower, ""
	if i+1 < len(d.Words) && d.Words[i+1].Clause == d.Words[i].Clause {
		next = d.Words[i+1].Lower
	}
	switch {
	case word == "not" && (next == "only" || next == "just"), word == "no" && (next == "more" || next == "wonder" || next == "matter"), word == "can't" && next == "wait":
		return 0
	case slices.Contains(negatesAheadPairs, word+" "+next):
		return 2
	case slices.Contains(negatesAhead, word):
		return 1
	}
	return 0
}

func (d *Doc) markAhead(scope []bool, trigger, n int) {
	sentence := d.Words[trigger].Sentence
	for i := trigger + n; i < len(d.Words) && i <= trigger+scopeAhead; i++ {
		w := d.Words[i]
		if w.Sentence != sentence || w.Clause != d.Words[trigger].Clause || slices.Contains(endsScope, w.Lower) {
			return
		}
		joined := w.IsComma || d.Words[i-1].Lower == "and"
		if i > trigger+n && joined && slices.Contains(opensClause, w.Lower) {
			return
		}
		scope[i] = true
	}
}

// markBehind marks the subject of "is not used", "must not be taken", "are to be avoided".
func (d *Doc) markBehind(scope []bool, from int) {
	if from < 0 {
		return
	}
	clause := d.Words[from].Clause
	for i := from; i >= 0 && i > from-scopeBehind; i-- {
		w := d.Words[i]
		if w.Clause != clause || slices.Contains(endsScope, w.Lower) {
			return
		}
		scope[i] = true
		if w.IsComma {
			return
		}
	}
}

// isAuxiliary tells "aspirin is not", where the subject is negated too, from "take no aspirin".
func isAuxiliary(d *Doc, i int) bool {
	if i < 0 {
		return false
	}
	switch d.Words[i].Lower {
	case "is", "are", "was", "were", "do", "does", "did", "must", "should", "can", "could", "may", "will":
		return i > 0 && d.Words[i].Clause == d.Words[i-1].Clause
	}
	return false
}
