package tokenizer

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"elara/spec"
)

// identityVersion begins the hashed text; another way of writing it needs another version.
const identityVersion = "elara tokenizer 1"

// Hash identifies the tokenizer by what decides about ids: tokens, merges, added tokens with their flags, the pipeline
// and what EncodeWithSpecial adds. Two files in different formats that give every text the same ids in the same way
// have the same hash; the roles of tokens and the chat template do not count.
func (t *Tokenizer) Hash() spec.Digest {
	h := sha256.New()
	write(h, identityVersion, t.pipeline.describe())
	writeCount(h, len(t.tokens))
	write(h, t.tokens...)
	writeCount(h, len(t.merges))
	for _, m := range t.merges {
		write(h, m[0], m[1])
	}
	whole := 0
	if t.words.whole != nil {
		whole = 1
	}
	fuse := 0
	if t.words.fuse && t.words.unknown != none {
		fuse = 1
	}
	writeCount(h, whole, fuse, int(t.words.unknown))
	byID := make(map[int32]AddedToken, len(t.added))
	for _, a := range t.added {
		byID[a.ID] = a
	}
	for id := range int32(len(t.tokens)) { // by id: the order of adding does not count
		if a, found := byID[id]; found {
			writeCount(h, int(id), flags(a))
		}
	}
	for _, ids := range [][]int32{t.prefix, t.suffix} {
		writeCount(h, len(ids))
		for _, id := range ids {
			writeCount(h, int(id))
		}
	}
	return spec.DigestOf([32]byte(h.Sum(nil)))
}

func flags(a AddedToken) int {
	n := 0
	for i, flag := range []bool{a.Special, a.Normalized, a.LStrip, a.RStrip, a.SingleWord} {
		if flag {
			n |= 1 << i
		}
	}
	return n
}

// write hashes texts with their lengths, so that no two lists of texts look alike.
func write(h hash.Hash, texts ...string) {
	for _, text := range texts {
		writeCount(h, len(text))
		h.Write([]byte(text)) // a hash never fails
	}
}

func writeCount(h hash.Hash, counts ...int) {
	for _, n := range counts {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(int64(n))))
	}
}
