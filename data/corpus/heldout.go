package corpus

import (
	"crypto/sha256"
	"encoding/binary"
)

// IsHeldOut reports whether a document lies among the share of so many percent that is held out. It depends on the text
// alone: the same text is never on both sides, and more documents move none.
func IsHeldOut(text string, percent float64) bool {
	hash := sha256.Sum256([]byte("held out of the corpus\x00" + text))
	return float64(binary.BigEndian.Uint64(hash[:8]))/(1<<64) < percent/100
}
