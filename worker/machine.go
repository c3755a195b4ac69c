package main

import (
	"os"
	"runtime"
	"strings"
)

// machine tells the kind of this machine for what it trains: trainings are equal byte for byte on one kind.
func machine(device string) string {
	parts := []string{runtime.GOOS + "/" + runtime.GOARCH}
	if model := processor(); model != "" {
		parts = append(parts, model)
	}
	return strings.Join(append(parts, device), ", ")
}

// processor is the model that the kernel names; "" where it names none.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, model, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.Join(strings.Fields(model), " ")
		}
	}
	return ""
}
