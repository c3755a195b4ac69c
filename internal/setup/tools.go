package setup

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"elara/spec/fault"
)

// tool is a program that must be installed before set-up can do anything.
type tool struct {
	name    string
	command []string // prints the version; nil for Go itself
	minimum string
	debian  string // the package that has it
	needed  string // for what
}

func tools() []tool {
	return []tool{
		{name: "go", minimum: "1.26", debian: "golang-go (of backports where the release has an older one)", needed: "to build"},
		{name: "gcc", command: []string{"gcc", "-dumpfullversion"}, minimum: "9", debian: "gcc", needed: "to build the engine"},
		{name: "g++", command: []string{"g++", "-dumpfullversion"}, minimum: "9", debian: "g++", needed: "to build the engine"},
		{name: "make", command: []string{"make", "--version"}, minimum: "4", debian: "make", needed: "to run the targets"},
		{name: "pip", command: []string{"python3", "-m", "pip", "--version"}, minimum: "20", debian: "python3-pip", needed: "to fetch the pinned parts"},
	}
}

var firstVersion = regexp.MustCompile(`\d+(\.\d+)*`)

// check runs the tool and compares its version.
func (t tool) check(ctx context.Context) Check {
	check := Check{
		Name: t.name, Expected: t.minimum + " or newer, " + t.needed,
		Remedy: "install the Debian package " + t.debian,
	}
	version := strings.TrimPrefix(runtime.Version(), "go")
	if t.command != nil {
		output, err := exec.CommandContext(ctx, t.command[0], t.command[1:]...).Output()
		if err != nil {
			check.Found = "nothing (" + strings.Join(t.command, " ") + ": " + err.Error() + ")"
			return check
		}
		version = firstVersion.FindString(string(output))
	}
	check.Found = version
	check.OK = atLeast(version, t.minimum)
	return check
}

// requireTools names every missing tool at once, so that one round of installing is enough.
func requireTools(ctx context.Context) error {
	var missing []string
	for _, t := range tools() {
		if c := t.check(ctx); !c.OK {
			missing = append(missing, fmt.Sprintf("%s: found %s, expected %s: %s", c.Name, c.Found, c.Expected, c.Remedy))
		}
	}
	if len(missing) > 0 {
		return fault.New(fault.NotFound, "tools are missing\n  %s", strings.Join(missing, "\n  "))
	}
	return nil
}

// atLeast compares dotted versions number by number; what is not a number counts as 0.
func atLeast(version, minimum string) bool {
	have, want := strings.Split(version, "."), strings.Split(minimum, ".")
	for i, w := range want {
		var h string
		if i < len(have) {
			h = firstVersion.FindString(have[i])
		}
		if a, b := number(h), number(w); a != b {
			return a > b
		}
	}
	return version != ""
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}
