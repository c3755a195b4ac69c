package setup

import (
	"path/filepath"
	"strings"
)

// Variable is one line of the environment that set-up writes.
type Variable struct{ Name, Value, Reason string }

// found is where everything lies that the environment speaks of.
type found struct {
	libtorch libtorch
	tools    toolchain
	temporal string // the executable
	smolLM2  string // the model file
}

// environment gives the variables in the order in which they are written. They are the only place where
// flags are decided: one different letter costs everyone a rebuild of gotch's C++.
func (f found) environment() []Variable {
	return []Variable{
		{"CGO_ENABLED", "1", "for builds with the tag torch; everything else is built with 0"},
		{"CXX", f.tools.compiler(), "g++, told to hurry over gotch's one huge file"},
		{"CGO_CFLAGS", "-O2 -g0 -w", ""},
		{"CGO_CXXFLAGS", strings.Join(f.compileFlags(), " "), "the header declares what libtorch lost since gotch was generated"},
		{"CGO_LDFLAGS", strings.Join(f.linkFlags(), " "), "libraries are found by their path in the program: no LD_LIBRARY_PATH"},
		{"ELARA_LIBTORCH", f.libtorch.chosen, "what LIBTORCH named in the last set-up that had it, or empty"},
		{"ELARA_CUDA", f.libtorch.chosenCUDA(), "1 where the last set-up that had CUDA= chose the pinned libtorch's CUDA"},
		{"ELARA_TEMPORAL", f.temporal, "Temporal's command line, with the dev server"},
		{"ELARA_SMOLLM2", f.smolLM2, "the base model of the demo"},
	}
}

func (f found) compileFlags() []string {
	include := filepath.Join(f.libtorch.dir, "include")
	return []string{
		"-O2", "-g0", "-w",
		"-include", f.tools.header(),
		"-I" + include,
		"-I" + filepath.Join(include, "torch", "csrc", "api", "include"),
	}
}

// linkFlags come before gotch's own in the command: --as-needed holds for every library named after it, and
// real libraries are looked for before the empty ones.
func (f found) linkFlags() []string {
	var flags []string
	for _, dir := range f.libtorch.libraries {
		// RPATH and not RUNPATH: libtorch_cpu finds the libraries it needs by way of the program.
		flags = append(flags, "-L"+dir, "-Wl,-rpath,"+dir)
	}
	flags = append(flags, "-L"+f.tools.stubs(), "-Wl,--disable-new-dtags")
	if f.libtorch.cuda {
		// Nothing in the program names a symbol of libtorch_cuda: it registers itself when it is loaded.
		flags = append(flags, "-Wl,--no-as-needed", "-ltorch_cuda", "-lc10_cuda", "-Wl,--allow-shlib-undefined")
	}
	return append(flags, "-Wl,--as-needed")
}
