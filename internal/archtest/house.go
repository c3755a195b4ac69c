package archtest

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxLines is how long a source file may grow before it holds more than one idea.
const maxLines = 500

// Undocumented gives one line for each package without a doc.go whose comment introduces it.
func Undocumented(packages []Package) []string {
	var found []string
	for _, p := range packages {
		name := filepath.Join(p.Dir, "doc.go")
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			found = append(found, fmt.Sprintf("%s: expected a doc.go: %v", p.ImportPath, err))
			continue
		}
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command " + commandName(p) + " "
		}
		if !strings.HasPrefix(file.Doc.Text(), want) {
			found = append(found, fmt.Sprintf("%s: the comment in doc.go does not begin with %q", p.ImportPath, want))
		}
	}
	return found
}

func commandName(p Package) string {
	if name, ok := programs()[p.ImportPath]; ok {
		return name
	}
	return filepath.Base(p.Dir)
}

// programs are the main packages whose command has another name than their folder.
func programs() map[string]string {
	return map[string]string{
		"elara/starter":            "elara",
		"elara/worker":             "elara-worker",
		"elara/internal/setup/cmd": "setup",
	}
}

// Nameless gives one line for each package whose name says nothing.
func Nameless(packages []Package) []string {
	var found []string
	for _, p := range packages {
		for _, name := range []string{p.Name, filepath.Base(p.ImportPath)} {
			if slices.Contains(ForbiddenNames(), name) {
				found = append(found, fmt.Sprintf("%s: the name %q says nothing about what is inside", p.ImportPath, name))
				break
			}
		}
	}
	return found
}

// TooLong gives one line for each source file under root that is longer than a person reviews in one go.
// Generated files (gen_…) and test data are left out.
func TooLong(root string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if name == "testdata" || name == "build" || (strings.HasPrefix(name, ".") && path != root) {
				return filepath.SkipDir
			}
			return nil
		}
		if !isSource(name) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if lines := bytes.Count(text, []byte("\n")); lines > maxLines {
			relative, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			found = append(found, fmt.Sprintf("%s: %d lines, expected at most %d", relative, lines, maxLines))
		}
		return nil
	})
	return found, err
}

func isSource(name string) bool {
	return slices.Contains([]string{".go", ".cc", ".cpp", ".h", ".py", ".sh"}, filepath.Ext(name)) &&
		!strings.HasPrefix(name, "gen_")
}
