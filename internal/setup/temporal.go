package setup

import (
	"context"
	"os/exec"
	"path/filepath"
	"regexp"
)

// temporalMinimum is the oldest command line whose dev server is known to do what Elara asks of it.
const temporalMinimum = "1.9"

var temporalVersion = regexp.MustCompile(`^temporal version (\d+\.\d+\.\d+)`)

// installedTemporal looks for `temporal` on PATH. The path is "" when there is none; version is "" when it
// does not say one.
func installedTemporal(ctx context.Context) (path, version string) {
	path, err := exec.LookPath("temporal")
	if err != nil {
		return "", ""
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", ""
	}
	output, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return path, ""
	}
	if m := temporalVersion.FindSubmatch(output); m != nil {
		version = string(m[1])
	}
	return path, version
}

func (c Cache) pinnedTemporal() string {
	return filepath.Join(c.Dir(temporalServer()), "bin", "temporal")
}
