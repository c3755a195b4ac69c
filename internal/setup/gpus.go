package setup

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// nvidiaCheck lists GPUs by what the kernel driver shows, and says why they cannot be used where they cannot. It fails where
// the clone is set up for them only: cuda says so.
func nvidiaCheck(root string, cuda bool) Check {
	check := Check{Name: "nvidia", OK: true}
	models, err := gpus(root)
	switch {
	case err != nil:
		check.Found = err.Error()
		return check
	case len(models) == 0 && !cuda:
		check.Found = "none"
		return check
	case len(models) == 0:
		check.OK, check.Found = false, "none: the kernel shows no NVIDIA driver with a GPU"
	default:
		check.Found = fmt.Sprintf("%d: %s", len(models), strings.Join(models, ", "))
		if !cuda {
			check.Found += "; to train on it: make setup CUDA=1 build, and worker.device: cuda:0"
			return check
		}
		var what string
		if what, check.OK = driver(root); what != "" {
			check.Found += ", " + what
		}
	}
	check.Expected = "a GPU with an NVIDIA driver " + cudaDriver + " or newer: this clone is set up with CUDA"
	check.Remedy = "install the driver, give the container its GPU, or go back with make setup CUDA=0 build"
	return check
}

// gpus gives the models that the driver names. In a container only the device files may be there.
func gpus(root string) ([]string, error) {
	reports, err := filepath.Glob(filepath.Join(root, "proc/driver/nvidia/gpus/*/information"))
	if err != nil {
		return nil, err
	}
	var models []string
	for _, report := range reports {
		text, err := os.ReadFile(report)
		if err != nil {
			models = append(models, "unknown ("+err.Error()+")")
			continue
		}
		for line := range strings.Lines(string(text)) {
			if model, ok := strings.CutPrefix(line, "Model:"); ok {
				models = append(models, strings.TrimSpace(model))
			}
		}
	}
	if len(models) > 0 {
		return models, nil
	}
	files, err := filepath.Glob(filepath.Join(root, "dev/nvidia[0-9]*"))
	for _, file := range files {
		models = append(models, "/dev/"+filepath.Base(file))
	}
	return models, err
}

// moduleVersion finds the driver's version in /proc/driver/nvidia/version, whose wording differs between its open and its
// closed form.
var moduleVersion = regexp.MustCompile(`Kernel Module[^\n]*?\s(\d+\.\d+(?:\.\d+)?)\s`)

// driver says which driver the kernel has loaded, and whether it is new enough. Where it does not say, nothing is held against
// it: the engine says at its start what it lacks.
func driver(root string) (what string, ok bool) {
	text, err := os.ReadFile(filepath.Join(root, "proc/driver/nvidia/version"))
	if err != nil {
		return "", true
	}
	m := moduleVersion.FindSubmatch(text)
	if m == nil {
		return "", true
	}
	return "driver " + string(m[1]), atLeast(string(m[1]), cudaDriver)
}
