package spec

import (
	"encoding/hex"

	"elara/spec/fault"
)

// Digest is the SHA-256 of some bytes, 64 lower-case hexadecimal digits.
type Digest string

// Check refuses what is not a digest.
func (d Digest) Check() error {
	if len(d) != 64 {
		return fault.New(fault.Invalid, "digest %q has %d characters, expected 64 hexadecimal digits", string(d), len(d))
	}
	for _, c := range []byte(d) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return fault.New(fault.Invalid, "digest %q holds %q, expected lower-case hexadecimal digits", string(d), c)
		}
	}
	return nil
}

// DigestOf writes a computed SHA-256 sum as a Digest.
func DigestOf(sum [32]byte) Digest { return Digest(hex.EncodeToString(sum[:])) }

// Short is the form for people: the first 12 digits.
func (d Digest) Short() string {
	if len(d) < 12 {
		return string(d)
	}
	return string(d[:12])
}

// ArtifactKind says what an artifact is.
type ArtifactKind string

const (
	KindBaseModel ArtifactKind = "base-model" // a Hugging Face folder or one GGUF file
	KindSource    ArtifactKind = "source"     // raw input files as they were found
	KindCleaned   ArtifactKind = "cleaned"    // cleaned rows and their ledger
	KindDataset   ArtifactKind = "dataset"    // train.jsonl and eval.jsonl of one adapter
	KindAdapter   ArtifactKind = "adapter"    // PEFT files, tokenizer files, trainer_state.json
	KindReport    ArtifactKind = "report"     // an evaluation
	KindCandidate ArtifactKind = "candidate"  // adapters and their evaluation, offered for approval
	KindTombstone ArtifactKind = "tombstone"  // a source or a row that must not be trained on any more
	KindConfig    ArtifactKind = "config"     // of one adapter's training
	KindDecision  ArtifactKind = "decision"   // a named human's word on a candidate
)

// ArtifactRef refers to an immutable, content-addressed artifact: the digest is that of its manifest,
// which lists every file with its own digest.
type ArtifactRef struct {
	Kind      ArtifactKind `json:"kind"`
	Digest    Digest       `json:"digest"`
	SizeBytes int64        `json:"size_bytes"` // of all its files together
}

// IsZero reports whether the reference names nothing.
func (r ArtifactRef) IsZero() bool { return r.Digest == "" }
