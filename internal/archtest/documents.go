package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Commands are what a document can tell the reader to type.
type Commands struct {
	Targets []string // of make
	Verbs   []string // of elara
	Proofs  []string // of make proof-NAME
}

var (
	makeTarget = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
	cobraUse   = regexp.MustCompile(`\bUse:\s+"([a-z][a-z-]*)`)
	shellBlock = regexp.MustCompile("(?ms)^```(?:sh|bash|console)\n(.*?)^```")
	inlineCode = regexp.MustCompile("`((?:make|elara|build/elara) [^`]+)`")
	localLink  = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
)

// Available reads which commands there are from the Makefile, the sources of package starter and the folder
// of proofs. Nothing is built.
func Available(root string) (Commands, error) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		return Commands{}, fmt.Errorf("find the targets: %w", err)
	}
	available := Commands{Targets: firstGroups(makeTarget, string(makefile)), Verbs: []string{"help", "completion"}}
	sources, err := filepath.Glob(filepath.Join(root, "starter", "*.go"))
	if err != nil {
		return Commands{}, fmt.Errorf("find the verbs: %w", err)
	}
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			return Commands{}, fmt.Errorf("find the verbs: %w", err)
		}
		available.Verbs = append(available.Verbs, firstGroups(cobraUse, string(text))...)
	}
	proofs, err := filepath.Glob(filepath.Join(root, "tests", "proof", "*"))
	if err != nil {
		return Commands{}, fmt.Errorf("find the proofs: %w", err)
	}
	for _, proof := range proofs {
		available.Proofs = append(available.Proofs, filepath.Base(proof))
	}
	return available, nil
}

// Misleading gives one line for each command in the document's shell blocks and code words that does not
// exist, and for each link to a file of the repository that is not there. dir is where the document lies.
func Misleading(document, dir string, available Commands) []string {
	var found []string
	var lines []string
	for _, block := range firstGroups(shellBlock, document) {
		lines = append(lines, strings.Split(block, "\n")...)
	}
	lines = append(lines, firstGroups(inlineCode, document)...)
	for _, line := range lines {
		if problem := available.problem(line); problem != "" {
			found = append(found, problem)
		}
	}
	for _, link := range firstGroups(localLink, document) {
		if _, err := os.Stat(filepath.Join(dir, link)); err != nil {
			found = append(found, fmt.Sprintf("the link %s leads nowhere", link))
		}
	}
	return found
}

// problem looks at the command that a line begins with; a prompt and settings before it are passed over.
func (c Commands) problem(line string) string {
	words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "$ "))
	for len(words) > 0 && strings.Contains(words[0], "=") {
		words = words[1:]
	}
	if len(words) < 2 || strings.HasPrefix(words[1], "-") || words[1] != strings.ToLower(words[1]) {
		return ""
	}
	switch words[0] {
	case "make":
		proof, isProof := strings.CutPrefix(words[1], "proof-")
		if isProof && !slices.Contains(c.Proofs, proof) {
			return fmt.Sprintf("%q: there is no proof %s", line, proof)
		}
		if !isProof && !slices.Contains(c.Targets, words[1]) && !strings.Contains(words[1], "=") {
			return fmt.Sprintf("%q: the Makefile has no target %s", line, words[1])
		}
	case "elara", "build/elara", "./build/elara":
		if !slices.Contains(c.Verbs, words[1]) {
			return fmt.Sprintf("%q: elara has no command %s", line, words[1])
		}
	}
	return ""
}

// firstGroups gives the first group of every match.
func firstGroups(pattern *regexp.Regexp, text string) []string {
	var groups []string
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		groups = append(groups, match[1])
	}
	return groups
}
