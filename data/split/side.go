package split

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"elara/data/source"
	"elara/spec/fault"
)

// Sides divides rows into training and held-out ones.
type Sides struct {
	seed    int64
	percent float64
}

// New holds out about evalPercent of the questions; 0 holds out none. Another seed holds out others.
func New(seed int64, evalPercent float64) (Sides, error) {
	if !(evalPercent >= 0 && evalPercent < 100) { // the negation refuses NaN too
		return Sides{}, fault.New(fault.Invalid, "eval_percent %v: expected 0 or more and less than 100", evalPercent)
	}
	return Sides{seed: seed, percent: evalPercent}, nil
}

// IsHeldOut reports whether the row is held out from training. It goes by the question alone, so that a
// question with several answers, which training would half give away, stays on one side.
func (s Sides) IsHeldOut(row source.Row) bool {
	return position("side", s.seed, questionKey(row.Question()))*100 < s.percent
}

// questionKey is what is left of a question without case, white space and punctuation, in one Unicode form:
// "What is Asthma ?" and "what is asthma" ask the same. Questions that it takes for the same though they are not
// ("is 5 < 6" and "is 5 > 6") only end on one side.
func questionKey(question string) string {
	folded := cases.Fold().String(norm.NFKC.String(question))
	key := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r) {
			return r
		}
		return -1
	}, folded)
	return norm.NFKC.String(key)
}

// position puts a key at an even chance anywhere in [0, 1): the first 53 bits of the SHA-256 of "elara", the
// purpose, the seed and the key, each but the last followed by a line end.
func position(purpose string, seed int64, key string) float64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "elara\n%s\n%d\n%s", purpose, seed, key))
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
}
