package setup

import (
	"os"
	"path/filepath"
	"strings"
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
		"ELARA_CUDA":     "",
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
	require.Empty(t, got["ELARA_CUDA"])
}

// The headers stay where they are, so that only the link differs from that for the CPU.
func TestFlagsForThePinnedCUDALinkItBeforeTheEmptyLibraries(t *testing.T) {
	c := Cache{Root: "/c"}
	cpu, gpu := variables(found{libtorch: c.pinnedLibtorch(false)}), variables(found{libtorch: c.pinnedLibtorch(true), tools: toolchain{dir: "/t"}})
	require.Equal(t, "1", gpu["ELARA_CUDA"])
	require.Empty(t, cpu["ELARA_CUDA"])
	flags := gpu["CGO_LDFLAGS"]
	half := c.gathered(cudaParts()).lib()
	require.Contains(t, flags, "-L"+half+" -Wl,-rpath,"+half)
	require.Less(t, strings.Index(flags, "-L"+half), strings.Index(flags, "-L/t/stubs"))
	require.Contains(t, flags, "-Wl,--no-as-needed -ltorch_cuda -lc10_cuda")
	require.NotContains(t, cpu["CGO_LDFLAGS"], "-ltorch_cuda")
	require.Contains(t, gpu["CGO_CXXFLAGS"], "-I/c/parts/torch-2.11.0-7aa2f9bb/include ")
}

func TestEnvironmentIsWrittenInTwoSpellingsAndRemembered(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "build")
	last, err := remembered(dir, chosenLibtorch)
	require.NoError(t, err)
	require.Empty(t, last)

	lines := []Variable{{"CXX", "/c/c++", "why"}, {"ELARA_LIBTORCH", "/own", ""}}
	require.NoError(t, writeEnvironment(dir, lines))
	shell, err := os.ReadFile(filepath.Join(dir, "env.sh"))
	require.NoError(t, err)
	require.Equal(t, "# Written by make setup. Source it before go build -tags torch.\n"+
		"# why\nexport CXX='/c/c++'\nexport ELARA_LIBTORCH='/own'\n", string(shell))
	editor, err := os.ReadFile(filepath.Join(dir, "cgo.env"))
	require.NoError(t, err)
	require.Equal(t, "CXX=/c/c++\nELARA_LIBTORCH=/own\n", string(editor))

	last, err = remembered(dir, chosenLibtorch)
	require.NoError(t, err)
	require.Equal(t, "/own", last)
}

func TestUsersChoiceOutlivesOneSetupUntilItIsTakenBack(t *testing.T) {
	other, none, on, off := "/other", "", "1", "0"
	for name, c := range map[string]struct {
		lastLibtorch, lastCUDA string
		now                    Options
		libtorch               string
		cuda                   bool
	}{
		"nothing was ever said":      {},
		"a libtorch is remembered":   {lastLibtorch: "/own", libtorch: "/own"},
		"another one is named":       {lastLibtorch: "/own", now: Options{Libtorch: &other}, libtorch: "/other"},
		"it is taken back":           {lastLibtorch: "/own", now: Options{Libtorch: &none}},
		"CUDA is remembered":         {lastCUDA: "1", cuda: true},
		"CUDA is asked for":          {now: Options{CUDA: &on}, cuda: true},
		"CUDA is taken back":         {lastCUDA: "1", now: Options{CUDA: &off}},
		"CUDA is taken back by none": {lastCUDA: "1", now: Options{CUDA: &none}},
		"CUDA in place of one's own": {lastLibtorch: "/own", now: Options{Libtorch: &none, CUDA: &on}, cuda: true},
		"one's own in place of CUDA": {lastCUDA: "1", now: Options{Libtorch: &other}, libtorch: "/other", cuda: true},
	} {
		t.Run(name, func(t *testing.T) {
			c.now.BuildDir = t.TempDir()
			require.NoError(t, writeEnvironment(c.now.BuildDir, []Variable{{chosenLibtorch, c.lastLibtorch, ""}, {chosenCUDA, c.lastCUDA, ""}}))
			libtorch, cuda, err := c.now.chosen()
			require.NoError(t, err)
			require.Equal(t, c.libtorch, libtorch)
			require.Equal(t, c.cuda, cuda)
		})
	}
	for want, o := range map[string]Options{
		"CUDA=yes, expected 1, 0 or nothing":                        {CUDA: func() *string { s := "yes"; return &s }()},
		"CUDA=1 is for the pinned libtorch, but LIBTORCH is /other": {CUDA: &on, Libtorch: &other},
	} {
		_, _, err := o.chosen()
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		require.ErrorContains(t, err, want)
	}
}
