package hub

import (
	"regexp"
	"strings"

	"elara/spec/fault"
)

// defaultRevision is the branch that a name without a revision means.
const defaultRevision = "main"

// Name is a model on a hub at a revision.
type Name struct {
	Repo     string // owner/name; a few old models are name alone
	Revision string // a branch, a tag or a commit
}

var (
	// repoPart is what huggingface_hub allows on either side of the slash, less "--" and "..".
	repoPart = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$`)

	// revisionPart is one element of a revision, which may be a path such as refs/pr/1.
	revisionPart = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+-]*$`)

	commitHash = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

const (
	maxRepo     = 96 // characters, on huggingface.co
	maxRevision = 200
)

// ParseName reads owner/name or name, with @revision or without.
func ParseName(text string) (Name, error) {
	repo, revision, given := strings.Cut(text, "@")
	if !given {
		revision = defaultRevision
	}
	parts := strings.Split(repo, "/")
	sound := len(parts) <= 2 && len(repo) <= maxRepo && !strings.HasSuffix(repo, ".git")
	for _, part := range parts {
		sound = sound && repoPart.MatchString(part) && !strings.Contains(part, "--") && !strings.Contains(part, "..")
	}
	if !sound {
		return Name{}, fault.New(fault.Invalid, "%q is not the name of a model on a hub, expected owner/name or owner/name@revision", text)
	}
	sound = len(revision) <= maxRevision
	for _, part := range strings.Split(revision, "/") {
		sound = sound && revisionPart.MatchString(part) && !strings.Contains(part, "..") && !strings.HasSuffix(part, ".lock")
	}
	if !sound {
		return Name{}, fault.New(fault.Invalid, "%q does not end in a revision, expected a branch, a tag or a commit after @", text)
	}
	return Name{Repo: repo, Revision: revision}, nil
}

// String is the form that ParseName reads.
func (n Name) String() string { return n.Repo + "@" + n.Revision }

// isCommit reports whether the revision can never mean something else.
func (n Name) isCommit() bool { return commitHash.MatchString(n.Revision) }
