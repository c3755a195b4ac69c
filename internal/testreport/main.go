package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	ok, err := report(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
	if !ok {
		os.Exit(1)
	}
}

// report turns events into lines. ok means that tests ran and nothing failed.
func report(in io.Reader, out io.Writer) (ok bool, err error) {
	r := tally{output: map[test][]string{}, failing: map[string]bool{}}
	lines := bufio.NewReader(in)
	for {
		line, readErr := lines.ReadString('\n')
		if line != "" {
			if err := r.line(out, line); err != nil {
				return false, err
			}
		}
		if readErr == io.EOF {
			break
		}
		if readErr != nil {
			return false, fmt.Errorf("read the events: %w", readErr)
		}
	}
	return r.finish(out)
}

// event is one line of go test -json.
type event struct {
	Action     string
	Package    string
	ImportPath string // of a build's output
	Test       string
	Output     string
}

// test names one test, or with an empty name the package as a whole.
type test struct{ pkg, name string }

// skip is a test that did not run, and what it said about it.
type skip struct {
	test   test
	reason string
}

type tally struct {
	passed, failed int
	skipped        []skip
	output         map[test][]string // of tests that are still running
	failing        map[string]bool   // packages in which a test failed
}

func (r *tally) line(out io.Writer, line string) error {
	var e event
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		_, err := io.WriteString(out, line)
		return err
	}
	return r.event(out, e)
}

func (r *tally) event(out io.Writer, e event) error {
	t := test{e.Package, e.Test}
	switch e.Action {
	case "output":
		if e.Test == "" {
			return r.packageOutput(out, e.Output)
		}
		r.output[t] = append(r.output[t], e.Output)
	case "build-output":
		_, err := io.WriteString(out, e.Output)
		return err
	case "pass", "skip", "fail":
		defer delete(r.output, t)
		if e.Test == "" {
			return r.packageEnd(out, e)
		}
		return r.testEnd(out, t, e.Action)
	}
	return nil
}

// packageOutput passes on what go test prints for a package, without the word that only repeats its line.
func (r *tally) packageOutput(out io.Writer, text string) error {
	if text == "PASS\n" || strings.HasPrefix(text, "testing: warning: no tests to run") {
		return nil
	}
	_, err := io.WriteString(out, text)
	return err
}

// packageEnd counts a package that failed without a failing test of its own: it did not build, or the process
// ended in the middle. What was running then is the best hint there is.
func (r *tally) packageEnd(out io.Writer, e event) error {
	if e.Action != "fail" || r.failing[e.Package] {
		return nil
	}
	r.failed++
	var running []string
	for t, output := range r.output {
		if t.pkg == e.Package {
			running = append(running, strings.Join(output, ""))
		}
	}
	slices.Sort(running) // a map has no order of its own
	_, err := io.WriteString(out, strings.Join(running, ""))
	return err
}

func (r *tally) testEnd(out io.Writer, t test, action string) error {
	switch action {
	case "pass":
		r.passed++
	case "skip":
		r.skipped = append(r.skipped, skip{t, reason(r.output[t])})
	case "fail":
		r.failed++
		r.failing[t.pkg] = true
		_, err := io.WriteString(out, strings.Join(r.output[t], ""))
		return err
	}
	return nil
}

// reason takes what a test said before it skipped: its lines without the frame that go test puts around them.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		said = append(said, line)
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}

func (r *tally) finish(out io.Writer) (ok bool, err error) {
	var text strings.Builder
	if len(r.skipped) > 0 {
		text.WriteString("\nskipped:\n")
		for _, s := range r.skipped {
			fmt.Fprintf(&text, "  %s %s: %s\n", s.test.pkg, s.test.name, s.reason)
		}
	}
	fmt.Fprintf(&text, "\n%d passed, %d failed, %d skipped\n", r.passed, r.failed, len(r.skipped))
	_, err = io.WriteString(out, text.String())
	return r.failed == 0 && r.passed > 0, err
}
