package spec

// ReleaseInput asks for the pointer flip of a channel to an approved candidate.
type ReleaseInput struct {
	Run       RunID       `json:"run"`
	Channel   string      `json:"channel"`
	Candidate ArtifactRef `json:"candidate"`
	Decision  Decision    `json:"decision"`
}

// ReleaseResult is the pointer as it stands after the flip.
type ReleaseResult struct {
	Channel  string `json:"channel"`
	Current  Digest `json:"current"`
	Previous Digest `json:"previous,omitempty"` // what it pointed to before; empty at the first release
	Key      string `json:"key"`                // object key of the pointer
	// Unchanged says why there was nothing to flip; empty: the pointer was flipped.
	Unchanged string `json:"unchanged,omitempty"`
}
