package setup

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// neededMemoryBytes is what the demo may take.
const neededMemoryBytes = 6e9

// devices says what the machine under root ("/") has to compute with. It reads files of the kernel only: no
// library of a vendor need be installed.
func devices(root string, cuda bool) []Check {
	return []Check{processorCheck(root), memoryCheck(root), nvidiaCheck(root, cuda)}
}

// fastFlags are the processor features that decide how fast the engine is, best first; the names are those
// of the kernel.
func fastFlags() []string {
	return []string{"amx_bf16", "amx_tile", "avx512_bf16", "avx512f", "avx2"}
}

func processorCheck(root string) Check {
	check := Check{Name: "processor", Expected: "x86-64 with avx2", Remedy: "use a machine whose processor has avx2"}
	text, err := os.ReadFile(filepath.Join(root, "proc/cpuinfo"))
	if err != nil {
		check.Found = err.Error()
		return check
	}
	model, flags := cpuinfo(string(text))
	var fast []string
	for _, flag := range fastFlags() {
		if slices.Contains(flags, flag) {
			fast = append(fast, flag)
		}
	}
	check.OK = slices.Contains(flags, "avx2")
	check.Found = fmt.Sprintf("%d cores, %s (%s)", runtime.GOMAXPROCS(0), model, strings.Join(fast, " "))
	return check
}

// cpuinfo reads the first processor's block: all are alike on the machines that matter.
func cpuinfo(text string) (model string, flags []string) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "model name":
			model = strings.TrimSpace(value)
		case "flags":
			return model, strings.Fields(value)
		}
	}
	return model, nil
}

func memoryCheck(root string) Check {
	check := Check{Name: "memory", Expected: "6 GB", Remedy: "the demo on SmolLM2 needs a larger machine; BASE=tiny does not"}
	text, err := os.ReadFile(filepath.Join(root, "proc/meminfo"))
	if err != nil {
		check.Found = err.Error()
		return check
	}
	total := meminfoBytes(string(text), "MemTotal")
	check.Found = fmt.Sprintf("%.1f GB, %.1f GB available", total/1e9, meminfoBytes(string(text), "MemAvailable")/1e9)
	if limit, ok := cgroupLimit(root); ok && limit < total {
		total = limit
		check.Found += fmt.Sprintf(", limited to %.1f GB", limit/1e9)
	}
	check.OK = total >= neededMemoryBytes
	return check
}

// meminfoBytes reads one line of /proc/meminfo, "MemTotal:  1234 kB", where kB means 1,024 bytes; 0 when it
// is not there.
func meminfoBytes(text, key string) float64 {
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		if name != key {
			continue
		}
		kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
		if err != nil {
			return 0
		}
		return kib * 1024
	}
	return 0
}

// cgroupLimit is the memory a container may use; false without a limit.
func cgroupLimit(root string) (bytes float64, limited bool) {
	text, err := os.ReadFile(filepath.Join(root, "sys/fs/cgroup/memory.max"))
	if err != nil {
		return 0, false
	}
	bytes, err = strconv.ParseFloat(strings.TrimSpace(string(text)), 64) // "max" is no number: no limit
	return bytes, err == nil
}
