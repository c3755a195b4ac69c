package tensorboard

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"elara/telemetry/series"
)

// Readers find event files by this beginning and read them in the order of their names.
const (
	prefix = "events.out.tfevents."
	suffix = ".elara"
)

// configTag is where the configuration stands among the texts.
const configTag = "config"

// Writer is a series.Sink that appends to one event file.
type Writer struct {
	file   *os.File
	opened time.Time
}

// Create begins an event file in dir with the points so far. Of the files that earlier attempts wrote there only the
// newest stays, because a reader that is open may be in it; files of other writers stay too.
func Create(dir string, curve series.Curve, now time.Time) (*Writer, error) {
	earlier, newest, err := ours(dir)
	if err != nil {
		return nil, err
	}
	w := &Writer{opened: now}
	records := appendRecord(nil, opening(now))
	records = appendRecord(records, restart(now))
	records = appendRecord(records, text(configTag, configMarkdown(curve.Run.Config), now))
	for _, point := range curve.Points {
		records = appendRecord(records, w.scalars(point))
	}
	// A clock that stands still or goes back must not put the new file before the old one.
	name := fmt.Sprintf("%s%010d%s", prefix, max(now.Unix(), newest+1), suffix)
	if w.file, err = series.Begin(filepath.Join(dir, name), records); err != nil {
		return nil, err
	}
	if len(earlier) > 1 {
		if err := removeAll(earlier[:len(earlier)-1]); err != nil {
			return nil, errors.Join(fmt.Errorf("remove old event files: %w", err), w.file.Close())
		}
	}
	return w, nil
}

// removeAll removes what a complete file has replaced.
func removeAll(paths []string) error {
	var problems []error
	for _, path := range paths {
		problems = append(problems, os.Remove(path))
	}
	return errors.Join(problems...)
}

// ours lists the event files that this package wrote, oldest first, and the newest second in their names.
func ours(dir string) (paths []string, newest int64, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("list event files: %w", err)
	}
	for _, entry := range entries {
		middle, begins := strings.CutPrefix(entry.Name(), prefix)
		middle, ends := strings.CutSuffix(middle, suffix)
		seconds, err := strconv.ParseInt(middle, 10, 64)
		if !begins || !ends || err != nil {
			continue
		}
		paths, newest = append(paths, filepath.Join(dir, entry.Name())), max(newest, seconds)
	}
	return paths, newest, nil
}

func (w *Writer) scalars(point series.Point) []byte {
	if point.At.IsZero() {
		return scalars(point, w.opened)
	}
	return scalars(point, point.At)
}

// Write appends a point; a reader sees it at once.
func (w *Writer) Write(point series.Point) error {
	if _, err := w.file.Write(appendRecord(nil, w.scalars(point))); err != nil {
		return fmt.Errorf("append to the event file: %w", err)
	}
	return nil
}

// Close ends the file.
func (w *Writer) Close(bool) error {
	if err := errors.Join(w.file.Sync(), w.file.Close()); err != nil {
		return fmt.Errorf("close the event file: %w", err)
	}
	return nil
}

// configMarkdown is the configuration as a table.
func configMarkdown(config series.Config) string {
	var b strings.Builder
	b.WriteString("| key | value |\n|---|---|\n")
	for _, setting := range config {
		value := strings.ReplaceAll(string(setting.Value), "|", `\|`)
		fmt.Fprintf(&b, "| %s | `%s` |\n", setting.Key, value)
	}
	return b.String()
}
