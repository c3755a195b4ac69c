package setup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

const versionHeader = "include/torch/headeronly/version.h"

// fakeLibtorch makes a folder that looks like a libtorch whose headers say this version.
func fakeLibtorch(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "include/torch/csrc/api/include/torch/torch.h"), "", 0o644)
	write(t, filepath.Join(dir, "lib/libtorch_cpu.so"), "", 0o644)
	write(t, filepath.Join(dir, "lib/libc10.so"), "", 0o644)
	// Both spellings are real: the version on the macro's line, and on the next one.
	write(t, filepath.Join(dir, versionHeader), "#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION \\\n  \""+version+"\"\n", 0o644)
	return dir
}

func TestOwnLibtorchOfThisMinorVersionIsTaken(t *testing.T) {
	dir := fakeLibtorch(t, "2.11.1")
	own, err := ownLibtorch(dir)
	require.NoError(t, err)
	require.Equal(t, libtorch{dir: dir, libraries: []string{dir + "/lib"}, chosen: dir, version: "2.11.1"}, own)

	write(t, filepath.Join(dir, "lib/libtorch_cuda.so"), "", 0o644)
	own, err = ownLibtorch(dir)
	require.NoError(t, err)
	require.True(t, own.cuda)
}

func TestVersionIsFoundInEveryLayout(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "build-version"), "2.11.0+cu130\n", 0o644)
	version, err := libtorchVersion(dir)
	require.NoError(t, err)
	require.Equal(t, "2.11.0+cu130", version)

	write(t, filepath.Join(dir, "include/torch/csrc/api/include/torch/version.h"), "#define TORCH_VERSION \"2.9.1\"\n", 0o644)
	version, err = libtorchVersion(dir)
	require.NoError(t, err)
	require.Equal(t, "2.9.1", version)
}

func TestOwnLibtorchThatDoesNotFitIsNamed(t *testing.T) {
	cases := map[string]struct {
		dir  func() string
		want string
	}{
		"another minor version": {func() string { return fakeLibtorch(t, "2.1.2") }, "found version 2.1.2, expected 2.11"},
		"a version that only begins alike": {
			func() string { return fakeLibtorch(t, "2.110.0") }, "found version 2.110.0, expected 2.11",
		},
		"no headers": {func() string { return t.TempDir() }, "no include/torch/csrc/api/include/torch/torch.h found"},
		"no version anywhere": {func() string {
			dir := fakeLibtorch(t, "2.11.0")
			require.NoError(t, os.Remove(filepath.Join(dir, versionHeader)))
			return dir
		}, "no version found"},
		"a path that flags cannot carry": {func() string { return "/opt/my torch" }, "compiler flags cannot carry"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := ownLibtorch(c.dir())
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func variables(f found) map[string]string {
	values := map[string]string{}
	for _, v := range f.environment() {
		values[v.Name] = v.Value
	}
	return values
}

func TestFlagsForTheProcessor(t *testing.T) {
	f := found{
		libtorch: libtorch{dir: "/c/torch", libraries: []string{"/c/torch/lib", "/c/cuda/lib"}},
		tools:    toolchain{dir: "/c/tools"}, temporal: "/c/temporal", smolLM2: "/c/model.gguf",
	}
	require.Equal(t, map[string]string{
		"CGO_ENABLED":  "1",
		"CXX":          "/c/tools/c++",
		"CGO_CFLAGS":   "-O2 -g0 -w",
		"CGO_CXXFLAGS": "-O2 -g0 -w -include /c/tools/compat.h -I/c/torch/include -I/c/torch/include/torch/csrc/api/include",
		"CGO_LDFLAGS": "-L/c/torch/lib -Wl,-rpath,/c/torch/lib -L/c/cuda/lib -Wl,-rpath,/c/cuda/lib" +
			" -L/c/tools/stubs -Wl,--disable-new-dtags -Wl,--as-needed",
		"ELARA_LIBTORCH": "",
		"ELARA_TEMPORAL": "/c/temporal",
		"ELARA_SMOLLM2":  "/c/model.gguf",
	}, variables(f))
}

// Nothing refers to libtorch_cuda by name: it must be linked all the same, and before --as-needed begins.
func TestFlagsForAGPULinkTheRealLibrary(t *testing.T) {
	f := found{libtorch: libtorch{dir: "/own", libraries: []string{"/own/lib"}, chosen: "/own", cuda: true}, tools: toolchain{dir: "/t"}}
	got := variables(f)
	require.Equal(t, "-L/own/lib -Wl,-rpath,/own/lib -L/t/stubs -Wl,--disable-new-dtags"+
		" -Wl,--no-as-needed -ltorch_cuda -lc10_cuda -Wl,--allow-shlib-undefined -Wl,--as-needed", got["CGO_LDFLAGS"])
	require.Equal(t, "/own", got["ELARA_LIBTORCH"])
}

func TestEnvironmentIsWrittenInTwoSpellingsAndRemembered(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "build")
	remembered, err := rememberedLibtorch(dir)
	require.NoError(t, err)
	require.Empty(t, remembered)

	lines := []Variable{{"CXX", "/c/c++", "why"}, {"ELARA_LIBTORCH", "/own", ""}}
	require.NoError(t, writeEnvironment(dir, lines))
	shell, err := os.ReadFile(filepath.Join(dir, "env.sh"))
	require.NoError(t, err)
	require.Equal(t, "# Written by make setup. Source it before go build -tags torch.\n"+
		"# why\nexport CXX='/c/c++'\nexport ELARA_LIBTORCH='/own'\n", string(shell))
	editor, err := os.ReadFile(filepath.Join(dir, "cgo.env"))
	require.NoError(t, err)
	require.Equal(t, "CXX=/c/c++\nELARA_LIBTORCH=/own\n", string(editor))

	remembered, err = rememberedLibtorch(dir)
	require.NoError(t, err)
	require.Equal(t, "/own", remembered)
}

func TestUsersChoiceOutlivesOneSetupUntilItIsTakenBack(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, writeEnvironment(dir, []Variable{{"ELARA_LIBTORCH", "/own", ""}}))
	chosen := func(o Options) string {
		o.BuildDir = dir
		c, err := o.chosenLibtorch()
		require.NoError(t, err)
		return c
	}
	other, none := "/other", ""
	require.Equal(t, "/own", chosen(Options{}))
	require.Equal(t, "/other", chosen(Options{Libtorch: &other}))
	require.Empty(t, chosen(Options{Libtorch: &none}))
}
