package archtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// builds are the two ways in which the module is built.
func builds() map[string]string { return map[string]string{"without torch": "", "with torch": "torch"} }

func eachBuild(t *testing.T, check func(t *testing.T, packages []Package)) {
	t.Helper()
	root, err := Root()
	require.NoError(t, err)
	for name, tags := range builds() {
		t.Run(name, func(t *testing.T) {
			packages, err := List(root, tags)
			require.NoError(t, err)
			require.NotEmpty(t, packages)
			check(t, packages)
		})
	}
}

func TestEveryImportFitsTheTable(t *testing.T) {
	eachBuild(t, func(t *testing.T, packages []Package) {
		for _, breach := range Breaches(Table(), packages) {
			t.Error(breach)
		}
	})
}

func TestEveryPackageIntroducesItself(t *testing.T) {
	eachBuild(t, func(t *testing.T, packages []Package) {
		for _, line := range append(Undocumented(packages), Nameless(packages)...) {
			t.Error(line)
		}
	})
}

func TestEverySourceFileCanBeReviewed(t *testing.T) {
	root, err := Root()
	require.NoError(t, err)
	long, err := TooLong(root)
	require.NoError(t, err)
	for _, line := range long {
		t.Error(line)
	}
}

// The table would be no test at all if it could not go red: each case plants one import.
func TestPlantedImportIsABreach(t *testing.T) {
	cases := map[string]struct {
		planted Package
		want    string
	}{
		"a workflow that reads the store": {
			Package{ImportPath: "elara/workflows", Imports: []string{"elara/storage"}},
			`elara/workflows imports elara/storage: row "workflows" may import spec, activities, data/preference of ours`,
		},
		"a workflow that opens files": {
			Package{ImportPath: "elara/workflows", Imports: []string{"os"}},
			"elara/workflows imports os: a replay would not see what the run saw",
		},
		"a workflow that starts programs": {
			Package{ImportPath: "elara/workflows", Imports: []string{"os/exec"}},
			"elara/workflows imports os/exec: a replay would not see what the run saw",
		},
		"training that reaches Temporal through others": {
			Package{ImportPath: "elara/engine/recipes", Deps: []string{"fmt", "go.temporal.io/sdk/client"}},
			`elara/engine/recipes reaches go.temporal.io/sdk/client: row "engine/recipes" must never see go.temporal.io/sdk`,
		},
		"the loop that touches tensors": {
			Package{ImportPath: "elara/engine/train", Deps: []string{"elara/engine/tensor"}},
			`elara/engine/train reaches elara/engine/tensor: row "engine/train" must never see elara/engine/tensor`,
		},
		"a second importer of gotch": {
			Package{ImportPath: "elara/engine/nn", Imports: []string{"github.com/sugarme/gotch/ts"}},
			"elara/engine/nn imports github.com/sugarme/gotch/ts: only engine/tensor may",
		},
		"the SDK of one store in the contract of all": {
			Package{ImportPath: "elara/storage", Imports: []string{"github.com/aws/aws-sdk-go-v2/aws"}},
			"elara/storage imports github.com/aws/aws-sdk-go-v2/aws: only storage/s3, storage/gateway may",
		},
		"a row's neighbour": {
			Package{ImportPath: "elara/spec/fault", Imports: []string{"elara/spec"}},
			`elara/spec/fault imports elara/spec: row "spec/fault" may import nothing of ours`,
		},
		"a folder nobody planned": {
			Package{ImportPath: "elara/extras"},
			"elara/extras has no row in the import table",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			breaches := Breaches(Table(), []Package{c.planted})
			require.Len(t, breaches, 1)
			require.True(t, strings.HasPrefix(breaches[0], c.want), "got %s", breaches[0])
		})
	}
}

func TestAllowedImportIsNoBreach(t *testing.T) {
	allowed := []Package{
		{ImportPath: "elara/spec", Imports: []string{"elara/spec/fault", "time"}},
		{ImportPath: "elara/storage/s3", Imports: []string{"elara/storage", "elara/spec/fault", "github.com/aws/aws-sdk-go-v2/aws"}},
		{ImportPath: "elara/engine/model/llama", Imports: []string{"elara/engine/nn", "elara/data/gguf"}},
		{ImportPath: "elara/worker", Imports: []string{"elara/engine/recipes", "go.temporal.io/sdk/worker"}},
		{ImportPath: "elara/activities", Imports: []string{"elara/data/clean", "elara/storage/checkpoint"}},
		{ImportPath: "github.com/somebody/else", Imports: []string{"os"}},
	}
	require.Empty(t, Breaches(Table(), allowed))
}

func TestHouseRulesGoRed(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	silent := []Package{{ImportPath: "elara/quiet", Name: "quiet", Dir: dir}}
	require.Len(t, Undocumented(silent), 1, "there is no doc.go")
	write("doc.go", "// This package is about something.\npackage quiet\n")
	require.Equal(t, []string{`elara/quiet: the comment in doc.go does not begin with "Package quiet "`}, Undocumented(silent))
	write("doc.go", "// Package quiet is about something.\npackage quiet\n")
	require.Empty(t, Undocumented(silent))

	require.Len(t, Nameless([]Package{{ImportPath: "elara/data/utils", Name: "utils"}}), 1)

	write("long.go", strings.Repeat("\n", 501))
	write("gen_long.go", strings.Repeat("\n", 501))
	write("fits.cc", strings.Repeat("\n", 500))
	long, err := TooLong(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"long.go: 501 lines, expected at most 500"}, long)
}
