package spec

import (
	"crypto/sha256"
	"time"
)

// PairDigests are the digests of pairs end to end, 32 bytes each: a third of their size as text.
type PairDigests []byte

const pairDigestSize = sha256.Size

// Len is how many there are.
func (d PairDigests) Len() int { return len(d) / pairDigestSize }

// At gives the digest of a place, from 0.
func (d PairDigests) At(i int) Digest {
	return DigestOf([pairDigestSize]byte(d.Raw(i)))
}

// Raw gives the bytes of a place.
func (d PairDigests) Raw(i int) []byte { return d[i*pairDigestSize : (i+1)*pairDigestSize] }

// PairSet is an artifact of pairs as a collection knows it.
type PairSet struct {
	Ref     ArtifactRef `json:"ref"`
	Digests PairDigests `json:"digests"` // in the order of its lines
}

// ImportedSet is a PairSet whose pairs have been judged elsewhere, as an import brings it.
type ImportedSet struct {
	PairSet
	Swapped  PairDigests `json:"swapped"`  // of the same pairs with their answers in the other order
	Outcomes string      `json:"outcomes"` // one mark a pair, as package preference writes them
}

// StoredJudgements is the chain of batches in which a collection keeps its judgements: the artifact of the newest one,
// which names the one before as its input.
type StoredJudgements struct {
	Head  ArtifactRef `json:"head,omitzero"` // zero: nothing is stored yet
	Count int64       `json:"count"`         // judgements in all batches together
}

// StoreJudgementsInput asks for one more batch.
type StoreJudgementsInput struct {
	Run    RunID               `json:"run"`
	Pairs  []ArtifactRef       `json:"pairs"` // all sets of the collection
	Before StoredJudgements    `json:"before"`
	Batch  []RecordedJudgement `json:"batch"`
}

// ImportRequest is the argument of the import Signal: judgements that were made elsewhere, as artifacts of kind pairs
// with the file judgements.jsonl.
type ImportRequest struct {
	Reviewer string        `json:"reviewer"` // under whose name they count
	Sets     []ArtifactRef `json:"sets"`
}

// ImportReport says what became of one artifact of an import. Kept, Same, Different and Refused add up to Rows.
type ImportReport struct {
	Set       Digest `json:"set"`
	Reviewer  string `json:"reviewer"`
	Rows      int    `json:"rows"`
	Kept      int    `json:"kept"`
	Same      int    `json:"same"`              // this reviewer had said the same already
	Different int    `json:"different"`         // this reviewer had said something else: that stands
	Refused   int    `json:"refused"`           // for the reason in Reason
	NewPairs  int    `json:"new_pairs"`         // pairs that the collection did not have
	Reason    string `json:"reason,omitempty"`  // why rows, or all of it, were refused
	Matched   int    `json:"matched,omitempty"` // rows about pairs that it had
}

// Escalation tells somebody that a collection stands still.
type Escalation struct {
	Run       RunID     `json:"run"`
	Name      string    `json:"name"`
	Level     int       `json:"level"`      // 1 the first time since the last judgement
	IdleHours float64   `json:"idle_hours"` // since the last judgement, or since it began
	Judged    int64     `json:"judged"`
	Wanted    int64     `json:"wanted"`
	Deadline  time.Time `json:"deadline,omitzero"`
}

// CompileInput asks for the result of a collection.
type CompileInput struct {
	Run    RunID            `json:"run"`
	Name   string           `json:"name"`
	Pairs  []ArtifactRef    `json:"pairs"`
	Stored StoredJudgements `json:"stored"`
	Judged int64            `json:"judged"` // as the workflow counted
}

// CompiledPreferences is what a collection came to.
type CompiledPreferences struct {
	Ref       ArtifactRef     `json:"ref"` // kind preferences: pairs, judgements, decided pairs in TRL's form, summary
	Counts    OutcomeCounts   `json:"counts"`
	Agreement AgreementResult `json:"agreement"`
}

// OutcomeCounts says what the judgements of the pairs come to. The first six add up to Pairs.
type OutcomeCounts struct {
	Pairs      int   `json:"pairs"`
	PrefersA   int   `json:"response_a"` // pairs for which more than half of the judgements say so
	PrefersB   int   `json:"response_b"`
	Tie        int   `json:"tie"`
	BothBad    int   `json:"both_bad"`
	Undecided  int   `json:"undecided"` // no outcome has more than half of the judgements
	Unjudged   int   `json:"unjudged"`
	Judgements int64 `json:"judgements"`
}

// AgreementResult is how far reviewers agree. An alpha is nil where it is not defined: no pair has two judgements, or all
// judgements are the same.
type AgreementResult struct {
	Nominal   *float64       `json:"alpha_nominal"` // Krippendorff's alpha over the four outcomes
	Ordinal   *float64       `json:"alpha_ordinal"` // over response_a < tie < response_b; both_bad counts as not judged
	Pairs     int            `json:"pairs"`         // with two judgements or more
	Values    int            `json:"values"`        // judgements of those pairs
	FirstWins *float64       `json:"first_wins"`    // share of judgements for one answer that are for the one shown first
	Decisive  int64          `json:"decisive"`      // judgements for one answer, shown here; what FirstWins is a share of
	Reviewers []ReviewerView `json:"reviewers"`     // in the order in which they came
}

// ReviewerView is one reviewer's part of a collection.
type ReviewerView struct {
	Reviewer string `json:"reviewer"`
	Judged   int64  `json:"judged"`
	PrefersA int64  `json:"response_a"`
	PrefersB int64  `json:"response_b"`
	Tie      int64  `json:"tie"`
	BothBad  int64  `json:"both_bad"`
	Imported int64  `json:"imported,omitempty"` // of Judged
	First    int64  `json:"first"`              // judgements for the answer that was shown first
	Second   int64  `json:"second"`
}
