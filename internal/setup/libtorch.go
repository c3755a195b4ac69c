package setup

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"elara/spec/fault"
)

// libtorchMinor is the version of libtorch whose functions compat.h knows.
const libtorchMinor = "2.11"

// libtorch is the one that programs are compiled and linked against.
type libtorch struct {
	dir       string   // with include/ and lib/
	libraries []string // folders to link and load from
	chosen    string   // what the user chose, "" for the pinned part
	version   string
	cuda      bool
}

// libtorchParts are what the pinned libtorch consists of.
func libtorchParts(cuda bool) []Part {
	parts := []Part{torch(), cudaRuntime(), cudaProfiling()}
	if cuda {
		parts = append(parts, cudaParts()...)
	}
	return parts
}

// pinnedLibtorch is the one that lies in the cache after set-up.
func (c Cache) pinnedLibtorch(cuda bool) libtorch {
	t := libtorch{dir: c.Dir(torch()), version: torch().Version, cuda: cuda}
	for _, p := range libtorchParts(false) {
		t.libraries = append(t.libraries, filepath.Join(c.Dir(p), "lib"))
	}
	if cuda {
		t.libraries = append(t.libraries, c.gathered(cudaParts()).lib())
	}
	return t
}

// chosenCUDA is what CUDA= chose: a libtorch of the user's own has CUDA or has none.
func (t libtorch) chosenCUDA() string {
	if t.cuda && t.chosen == "" {
		return "1"
	}
	return ""
}

// ownLibtorch checks the folder that the user's LIBTORCH names: an unpacked libtorch archive, or the folder
// torch of an installed Python package.
func ownLibtorch(dir string) (libtorch, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return libtorch{}, fmt.Errorf("LIBTORCH: %w", err)
	}
	if !flagSafe.MatchString(absolute) {
		return libtorch{}, fault.New(fault.Invalid, "LIBTORCH: %q has characters that compiler flags cannot carry", absolute)
	}
	for _, needed := range []string{"include/torch/csrc/api/include/torch/torch.h", "lib/libtorch_cpu.so", "lib/libc10.so"} {
		if _, err := os.Stat(filepath.Join(absolute, needed)); err != nil {
			return libtorch{}, fault.New(fault.Invalid,
				"LIBTORCH: %s: no %s found, expected a libtorch %s with headers", absolute, needed, libtorchMinor)
		}
	}
	version, err := libtorchVersion(absolute)
	if err != nil {
		return libtorch{}, err
	}
	if !strings.HasPrefix(version, libtorchMinor+".") {
		return libtorch{}, fault.WithHint(
			fault.New(fault.Invalid, "LIBTORCH: %s: found version %s, expected %s", absolute, version, libtorchMinor),
			"leave LIBTORCH empty to have the pinned one fetched")
	}
	lib := filepath.Join(absolute, "lib")
	_, err = os.Stat(filepath.Join(lib, "libtorch_cuda.so"))
	return libtorch{dir: absolute, libraries: []string{lib}, chosen: absolute, version: version, cuda: err == nil}, nil
}

// versionMacro matches the line of version.h that holds the version, on the same line or after a backslash.
var versionMacro = regexp.MustCompile(`#define TORCH_VERSION(?:[ \t]|\\\n)+"([0-9][^"]*)"`)

// libtorchVersion reads the version from the headers, where every layout of libtorch has it.
func libtorchVersion(dir string) (string, error) {
	for _, header := range []string{"torch/headeronly/version.h", "torch/csrc/api/include/torch/version.h"} {
		text, err := os.ReadFile(filepath.Join(dir, "include", header))
		if err != nil {
			continue // older and newer versions have one of the two; having neither is the error below
		}
		if m := versionMacro.FindSubmatch(text); m != nil {
			return string(m[1]), nil
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "build-version"))
	if err != nil {
		return "", fault.New(fault.Invalid, "LIBTORCH: %s: no version found in its headers or in build-version", dir)
	}
	return strings.TrimSpace(string(text)), nil
}
