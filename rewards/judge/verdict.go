package judge

import (
	"fmt"
	"strings"

	"elara/scoring/measure"
	"elara/spec"
)

// Pair is two answers to a question; the reference may be empty.
type Pair struct{ Question, Reference, Old, New string }

const instruction = "You compare two answers to a medical question: which is more correct, safer, and closer to what was asked? " +
	"Neither length nor order counts. Reply with one letter and nothing else: A, B, or T for a tie."

func (p Pair) prompt(a, b string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Question:\n%s\n", p.Question)
	if p.Reference != "" {
		fmt.Fprintf(&text, "\nA right answer:\n%s\n", p.Reference)
	}
	fmt.Fprintf(&text, "\nAnswer A:\n%s\n\nAnswer B:\n%s\n\nWhich is better, A, B or T?", a, b)
	return text.String()
}

// Verdict is what a judge says of the newer answer in both orders.
type Verdict string

const (
	Better Verdict = "better"
	Worse  Verdict = "worse"
	Same   Verdict = "same"
	Swayed Verdict = "swayed" // by the order
	Unread Verdict = "unread"
)

// both puts the replies to (old, new) and (new, old) together.
func both(first, second string) Verdict {
	a, b := letter(first), letter(second)
	switch {
	case a == "" || b == "":
		return Unread
	case a == "T" || b == "T":
		return Same
	case a == b:
		return Swayed
	case a == "B":
		return Better
	}
	return Worse
}

// letter reads a reply; empty: it is none of the three.
func letter(reply string) string {
	word := strings.ToUpper(strings.Trim(reply, " \t\r\n.:*()[]\"'`"))
	word = strings.TrimPrefix(word, "ANSWER ")
	switch word {
	case "A", "B", "T":
		return word
	case "TIE":
		return "T"
	}
	return ""
}

// sign is a verdict beside the difference of a measure; a verdict that follows the order is none.
func (v Verdict) sign() int {
	switch v {
	case Better:
		return 1
	case Worse:
		return -1
	}
	return 0
}

// Sum counts verdicts.
func Sum(verdicts []Verdict) spec.JudgeResult {
	count := map[Verdict]int{}
	for _, v := range verdicts {
		count[v]++
	}
	r := spec.JudgeResult{
		Pairs: len(verdicts), Better: count[Better], Worse: count[Worse], Same: count[Same], Swayed: count[Swayed], Unread: count[Unread],
	}
	if decided := r.Better + r.Worse; decided > 0 {
		r.Preference = measure.Share(r.Better, decided).Estimate()
	}
	return r
}

// Agree compares verdicts with the gains of a measure on the same pairs, of which those that were not read are left out.
func Agree(metric spec.Metric, verdicts []Verdict, gains []float64) (a spec.JudgeAgreement, isDefined bool) {
	var same int
	var ofJudge, ofMetric [3]float64 // how often each says worse, neither, better
	for i, v := range verdicts {
		if v == Unread {
			continue
		}
		gain := 0
		switch {
		case gains[i] > 0:
			gain = 1
		case gains[i] < 0:
			gain = -1
		}
		a.Pairs++
		ofJudge[v.sign()+1]++
		ofMetric[gain+1]++
		if gain == v.sign() {
			same++
		}
	}
	if a.Pairs == 0 {
		return a, false
	}
	a.Metric, a.Agree = metric, measure.Share(same, a.Pairs).Estimate()
	n, chance := float64(a.Pairs), 0.0
	for i := range ofJudge {
		chance += ofJudge[i] / n * ofMetric[i] / n
	}
	if chance < 1 {
		kappa := (a.Agree.Value - chance) / (1 - chance)
		a.Kappa = &kappa
	}
	return a, true
}
