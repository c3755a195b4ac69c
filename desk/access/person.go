package access

import (
	"time"

	"elara/spec/fault"
)

// Role says what somebody may do at the desk. Everybody who is signed in may read.
type Role string

const (
	Judge    Role = "judge"    // judges pairs
	Approver Role = "approver" // judges pairs and decides on candidates
)

// Check refuses what is no role.
func (r Role) Check() error {
	if r != Judge && r != Approver {
		return fault.New(fault.Invalid, "role %q: expected %s or %s", string(r), Judge, Approver)
	}
	return nil
}

// Person is somebody who has signed in.
type Person struct {
	Name  string    `json:"name"` // under which judgements and decisions count
	Role  Role      `json:"role"`
	Token string    `json:"token,omitempty"` // ID of the token; empty: by OpenID Connect
	Since time.Time `json:"since"`           // of the sign-in
}

// Approves reports whether the person may decide on candidates.
func (p Person) Approves() bool { return p.Role == Approver }

// By says how the person signed in.
func (p Person) By() string {
	if p.Token == "" {
		return "OpenID Connect"
	}
	return "token " + p.Token
}
