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
	// scopeRelative is the reach inside "a rash that does not fade under a glass".
	scopeRelative = 4
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

// orders are verbs that begin another statement even without a comma: "without normal breathing call an ambulance"; after
// carriesOn they belong to the negation: "no need to call".
var (
	orders    = []string{"call", "give", "go", "press", "phone", "ring", "seek", "start", "begin", "lay"}
	carriesOn = []string{"to", "or", "not", "never", "should", "must", "and", "ever", "just", "simply"}
)

// isRelative reports whether a negation stands in a clause that begins with "that", "which" or "who".
func (d *Doc) isRelative(trigger int) bool {
	for i := trigger - 1; i >= 0 && i >= trigger-2; i-- {
		switch d.Words[i].Lower {
		case "that", "which", "who":
			return true
		}
	}
	return false
}

// Negated reports whether any word of first to last lies in the scope of a negation that stands outside of them: "cannot
// breathe" holds its own.
func (d *Doc) Negated(first, last int) bool {
	for _, triggers := range d.scope[first : last+1] {
		for _, trigger := range triggers {
			if trigger < first || trigger > last {
				return true
			}
		}
	}
	return false
}

// NegatedAll reports whether the first and the last word both are negated from outside.
func (d *Doc) NegatedAll(first, last int) bool {
	for _, i := range []int{first, last} {
		if !slices.ContainsFunc(d.scope[i], func(trigger int) bool { return trigger < first || trigger > last }) {
			return false
		}
	}
	return true
}

func negationScope(d *Doc) [][]int {
	scope := make([][]int, len(d.Words))
	for i := range d.Words {
		if n := d.negatorAt(i); n > 0 {
			d.markAhead(scope, i, n)
			if hasSubject(d, i) {
				d.markBehind(scope, i, i-1)
			}
		}
		if slices.Contains(negatesBehind, d.Words[i].Lower) {
			d.markBehind(scope, i, i-1)
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

func (d *Doc) markAhead(scope [][]int, trigger, n int) {
	sentence, reach := d.Words[trigger].Sentence, scopeAhead
	if d.isRelative(trigger) {
		reach = scopeRelative
	}
	for i := trigger + n; i < len(d.Words) && i <= trigger+reach; i++ {
		w := d.Words[i]
		if w.Sentence != sentence || w.Clause != d.Words[trigger].Clause || slices.Contains(endsScope, w.Lower) {
			return
		}
		if i > trigger+n && slices.Contains(orders, w.Lower) && !slices.Contains(carriesOn, d.Words[i-1].Lower) {
			return
		}
		joined := w.IsComma || d.Words[i-1].Lower == "and"
		if i > trigger+n && joined && slices.Contains(opensClause, w.Lower) {
			return
		}
		scope[i] = append(scope[i], trigger)
	}
}

// markBehind marks the subject of "is not used", "must not be taken", "are to be avoided".
func (d *Doc) markBehind(scope [][]int, trigger, from int) {
	if from < 0 {
		return
	}
	clause := d.Words[from].Clause
	for i := from; i >= 0 && i > from-scopeBehind; i-- {
		w := d.Words[i]
		if w.Clause != clause || slices.Contains(endsScope, w.Lower) {
			return
		}
		scope[i] = append(scope[i], trigger)
		isOpened := i > 0 && d.Words[i-1].Lower == "and" && slices.Contains(opensClause, w.Lower)
		if w.IsComma || isOpened || slices.Contains([]string{"i", "he", "she", "it", "they", "we", "you"}, w.Lower) {
			return
		}
	}
}

// hasSubject tells "aspirin is not safe", where the subject is negated too, from "take no aspirin" and "do not wait".
func hasSubject(d *Doc, trigger int) bool {
	verb := trigger - 1
	if strings.HasSuffix(d.Words[trigger].Lower, "n't") {
		verb = trigger
	} else if verb < 0 || !slices.Contains([]string{"is", "are", "was", "were", "do", "does", "did", "must", "should", "can", "could", "may", "will", "need"}, d.Words[verb].Lower) {
		return false
	}
	before := verb - 1
	if before < 0 || d.Words[before].Clause != d.Words[verb].Clause || d.Words[verb].IsComma {
		return false
	}
	for i := before; i >= 0 && d.Words[i].Clause == d.Words[verb].Clause && i > before-scopeBehind; i-- {
		switch d.Words[i].Lower {
		case "if", "when", "until", "unless", "that", "which", "who":
			return false // "if the asthma does not ease" denies no asthma
		}
	}
	return !slices.Contains([]string{"and", "then", "so", "please", "or", "but"}, d.Words[before].Lower)
}
