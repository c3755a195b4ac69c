package spec

import (
	"regexp"

	"elara/spec/fault"
)

// RunID names one run of a pipeline. It becomes part of object keys, workflow IDs and file names, so it is
// kept to 1-64 characters a-z, 0-9 and '-', starting and ending with a letter or digit.
type RunID string

var runIDPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)

// Check refuses identifiers that could escape a folder or a key.
func (id RunID) Check() error {
	if !runIDPattern.MatchString(string(id)) {
		return fault.New(fault.Invalid, "run ID %q: expected 1-64 of a-z, 0-9 and '-', starting and ending with a letter or digit", string(id))
	}
	return nil
}

// AdapterName names one adapter of a pipeline, under the rules of RunID.
type AdapterName string

// Check refuses names that could escape a folder or a key.
func (n AdapterName) Check() error {
	if !runIDPattern.MatchString(string(n)) {
		return fault.New(fault.Invalid, "adapter name %q: expected 1-64 of a-z, 0-9 and '-', starting and ending with a letter or digit", string(n))
	}
	return nil
}

// Audience is whom an adapter speaks to. It selects the system instruction of the guide.
type Audience string

const (
	General   Audience = "general"
	Patient   Audience = "patient"
	Doctor    Audience = "doctor"
	Emergency Audience = "emergency"
)

// Audiences lists all of them in the guide's order.
func Audiences() []Audience { return []Audience{General, Patient, Doctor, Emergency} }

// Check refuses unknown audiences.
func (a Audience) Check() error {
	switch a {
	case General, Patient, Doctor, Emergency:
		return nil
	}
	return fault.New(fault.Invalid, "audience %q: expected general, patient, doctor or emergency", string(a))
}
