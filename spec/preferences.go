package spec

import (
	"strings"
	"time"

	"elara/spec/fault"
)

// Kinds of artifacts of a collection.
const (
	KindPairs       ArtifactKind = "pairs"       // two answers to each of many prompts; with judgements.jsonl: judged elsewhere
	KindJudgements  ArtifactKind = "judgements"  // one batch of judgements; its inputs are the batch before and the pairs
	KindPreferences ArtifactKind = "preferences" // what a collection came to
)

// Bounds of one collection. What it carries from one run of its workflow to the next must fit into one payload of
// Temporal, 2 MB: 43 bytes a pair for its digest, and one for each reviewer of it.
const (
	MaxPairs     = 10000
	MaxReviewers = 40
	// MaxReviewerName is in bytes.
	MaxReviewerName = 100
	// MaxImportRows is how many rows one artifact of an import may hold.
	MaxImportRows = 1000
	// MaxReason bounds what a reviewer may write about a judgement, in bytes.
	MaxReason = 64 << 10
	// MaxCloseReason bounds why a collection is closed, in bytes: unlike a reviewer's reason it is kept in Temporal.
	MaxCloseReason = 500
)

// Choice is what a reviewer says of two answers, as they were shown to that reviewer.
type Choice string

const (
	ChoiceA       Choice = "A" // the answer shown first
	ChoiceB       Choice = "B" // the answer shown second
	ChoiceTie     Choice = "tie"
	ChoiceBothBad Choice = "both_bad"
)

// Choices lists all of them.
func Choices() []Choice { return []Choice{ChoiceA, ChoiceB, ChoiceTie, ChoiceBothBad} }

// Outcome is a judgement free of the order of presentation: it names the answer as the pair does.
type Outcome string

const (
	PrefersA Outcome = "response_a"
	PrefersB Outcome = "response_b"
	Tie      Outcome = "tie"
	BothBad  Outcome = "both_bad"
)

// Outcomes lists all of them.
func Outcomes() []Outcome { return []Outcome{PrefersA, PrefersB, Tie, BothBad} }

// Swapped is the outcome where the two answers change places.
func (o Outcome) Swapped() Outcome {
	switch o {
	case PrefersA:
		return PrefersB
	case PrefersB:
		return PrefersA
	}
	return o
}

// Outcome translates a choice for a reviewer to whom first, PrefersA or PrefersB, was shown first.
func (c Choice) Outcome(first Outcome) Outcome {
	switch c {
	case ChoiceA:
		return first
	case ChoiceB:
		return first.Swapped()
	case ChoiceTie:
		return Tie
	}
	return BothBad
}

// Judgement is a reviewer's word on one pair: the argument of the judge Update. It holds no text of a pair and none of
// the reviewer's: what the reviewer wrote lies in the store.
type Judgement struct {
	Collection RunID  `json:"collection"`       // for which the pair was handed out
	Pair       Digest `json:"pair"`             // of the texts that the reviewer looked at
	Number     int    `json:"number,omitempty"` // of the pair in the collection, from 1; 0: not given
	Choice     Choice `json:"choice"`
	Reviewer   string `json:"reviewer"`
	Reason     Digest `json:"reason,omitempty"` // of the blob with the reviewer's words; empty: none were given
}

// Check refuses a judgement that says nothing, or names nobody and no pair.
func (j Judgement) Check() error {
	if err := j.Collection.Check(); err != nil {
		return err
	}
	switch j.Choice {
	case ChoiceA, ChoiceB, ChoiceTie, ChoiceBothBad:
	default:
		return fault.New(fault.Invalid, "choice %q: expected A, B, tie or both_bad", string(j.Choice))
	}
	if j.Reason != "" {
		if err := j.Reason.Check(); err != nil {
			return fault.New(fault.Invalid, "reason: %w", err)
		}
	}
	if j.Number < 0 {
		return fault.New(fault.Invalid, "pair number %d: expected 1 or more", j.Number)
	}
	if err := CheckReviewer(j.Reviewer); err != nil {
		return err
	}
	return j.Pair.Check()
}

// CheckReviewer refuses what is no name, and does not repeat it: it may be of any length.
func CheckReviewer(name string) error {
	if strings.TrimSpace(name) == "" {
		return fault.New(fault.Invalid, "a judgement needs the reviewer's name")
	}
	if name != strings.TrimSpace(name) || len(name) > MaxReviewerName || strings.ContainsFunc(name, isControl) {
		return fault.New(fault.Invalid, "a reviewer's name of %d bytes: expected at most %d, on one line, without blanks around it", len(name), MaxReviewerName)
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// RecordedJudgement is a judgement as the collection keeps it, and the answer of the judge Update.
type RecordedJudgement struct {
	Pair     Digest  `json:"pair"`
	Number   int     `json:"number"` // of the pair in the collection, from 1
	Outcome  Outcome `json:"outcome"`
	First    Outcome `json:"first,omitempty"` // the answer that was shown first; empty: it was imported
	Reviewer string  `json:"reviewer"`
	// Reason is empty, and JudgedAt zero, in the answer to a judgement that is said again: the first one's stand.
	Reason   Digest    `json:"reason,omitempty"`
	JudgedAt time.Time `json:"judged_at,omitzero"`
	Import   Digest    `json:"import,omitempty"` // artifact that it came with; empty: it was given here
}

// PreferencesPlan says when a collection ends, and who may judge.
type PreferencesPlan struct {
	PerPair       int       `json:"per_pair"`                 // judgements wanted for each pair
	Total         int64     `json:"total,omitempty"`          // judgements after which it ends all the same; 0: no such bound
	Deadline      time.Time `json:"deadline,omitzero"`        // zero: none
	EscalateHours float64   `json:"escalate_hours,omitempty"` // hours without a judgement after which it escalates, again and again; 0: never
	Reviewers     []string  `json:"reviewers,omitempty"`      // who may judge; empty: anybody
}

// PreferencesInput asks for judgements on a set of pairs.
type PreferencesInput struct {
	Run   RunID           `json:"run"`
	Name  string          `json:"name"`
	Pairs ArtifactRef     `json:"pairs"`
	Plan  PreferencesPlan `json:"plan"`
}

// Check refuses a collection that could not end, or that nobody could judge.
func (in PreferencesInput) Check() error {
	if err := in.Run.Check(); err != nil {
		return err
	}
	if in.Pairs.Kind != KindPairs {
		return fault.New(fault.Invalid, "pairs: expected an artifact of kind %s, found %q", KindPairs, string(in.Pairs.Kind))
	}
	if err := in.Pairs.Digest.Check(); err != nil {
		return err
	}
	plan := in.Plan
	switch {
	case plan.PerPair < 1 || plan.PerPair > MaxReviewers:
		return fault.New(fault.Invalid, "%d judgements for each pair: expected 1 to %d", plan.PerPair, MaxReviewers)
	case plan.Total < 0:
		return fault.New(fault.Invalid, "%d judgements in all: expected 0 or more", plan.Total)
	case plan.EscalateHours < 0:
		return fault.New(fault.Invalid, "escalation after %v hours: expected 0 or more", plan.EscalateHours)
	case len(plan.Reviewers) > MaxReviewers:
		return fault.New(fault.Invalid, "%d reviewers: expected at most %d", len(plan.Reviewers), MaxReviewers)
	case len(plan.Reviewers) > 0 && len(plan.Reviewers) < plan.PerPair:
		return fault.New(fault.Invalid, "%d judgements for each pair, of %d reviewers: expected as many reviewers, since each judges a pair once",
			plan.PerPair, len(plan.Reviewers))
	}
	seen := map[string]bool{}
	for _, name := range plan.Reviewers {
		if err := CheckReviewer(name); err != nil {
			return err
		}
		if seen[name] {
			return fault.New(fault.Invalid, "reviewer %q is listed twice", name)
		}
		seen[name] = true
	}
	return nil
}
