package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// Package is what the check reads of one package: fields that `go list -json` prints.
type Package struct {
	ImportPath string
	Name       string
	Dir        string
	Imports    []string // of the files that ship
	Deps       []string // and all that these reach
}

const module = "elara/"

// Breaches holds each package against its row of the table and gives one line for each import that does not
// fit, in the order of the packages.
func Breaches(table []Layer, packages []Package) []string {
	var breaches []string
	for _, p := range packages {
		inside, ok := strings.CutPrefix(p.ImportPath, module)
		if !ok {
			continue
		}
		layer, known := layerOf(table, inside)
		if !known {
			breaches = append(breaches, fmt.Sprintf("%s has no row in the import table", p.ImportPath))
			continue
		}
		breaches = append(breaches, layer.breaches(p)...)
		breaches = append(breaches, ownerBreaches(p, inside)...)
	}
	return breaches
}

func (l Layer) breaches(p Package) []string {
	var breaches []string
	for _, imported := range p.Imports {
		inside, ours := strings.CutPrefix(imported, module)
		if ours && !l.mayImport(inside) {
			breaches = append(breaches, fmt.Sprintf("%s imports %s: row %q may import %s of ours",
				p.ImportPath, imported, l.Path, l.allowance()))
		}
		if l.Path == "workflows" && slices.ContainsFunc(WorkflowsRefuse(), func(root string) bool { return within(imported, root) }) {
			breaches = append(breaches, fmt.Sprintf("%s imports %s: a replay would not see what the run saw", p.ImportPath, imported))
		}
	}
	for _, never := range l.Never {
		for _, reached := range p.Deps {
			if within(reached, never) {
				breaches = append(breaches, fmt.Sprintf("%s reaches %s: row %q must never see %s", p.ImportPath, reached, l.Path, never))
				break // one line says it; the rest of that tree adds nothing
			}
		}
	}
	return breaches
}

func (l Layer) mayImport(path string) bool {
	fits := func(root string) bool { return within(path, root) }
	return l.Any || fits(l.Path) || slices.ContainsFunc(l.May, fits)
}

func (l Layer) allowance() string {
	if len(l.May) == 0 {
		return "nothing"
	}
	return strings.Join(l.May, ", ")
}

func ownerBreaches(p Package, inside string) []string {
	var breaches []string
	for _, owner := range Owners() {
		if slices.ContainsFunc(owner.Only, func(only string) bool { return within(inside, only) }) {
			continue
		}
		for _, imported := range p.Imports {
			if within(imported, owner.Import) {
				breaches = append(breaches, fmt.Sprintf("%s imports %s: only %s may (%s)",
					p.ImportPath, imported, strings.Join(owner.Only, ", "), owner.Reason))
			}
		}
	}
	return breaches
}

// layerOf finds the row with the longest path that the package lies in.
func layerOf(table []Layer, inside string) (Layer, bool) {
	var best Layer
	for _, l := range table {
		if within(inside, l.Path) && len(l.Path) > len(best.Path) {
			best = l
		}
	}
	return best, best.Path != ""
}

// within reports whether path is root or lies below it.
func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}
