package runlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"elara/spec/fault"
	"elara/telemetry/series"
)

// Files of a curve's folder.
const (
	RunFile    = "run.json"
	SeriesFile = "series.jsonl"
	ReportFile = "report.html" // one folder up, for all adapters of the run
)

// Read gives the curve that a folder holds. A last line that a killed process left torn is not part of it.
func Read(folder string) (series.Curve, error) {
	var curve series.Curve
	about, err := os.ReadFile(filepath.Join(folder, RunFile))
	if err != nil {
		return curve, notFound(err)
	}
	if err := json.Unmarshal(about, &curve.Run); err != nil {
		return curve, fault.New(fault.Corrupt, "%s: %w", filepath.Join(folder, RunFile), err)
	}
	path := filepath.Join(folder, SeriesFile)
	lines, err := os.ReadFile(path)
	if err != nil {
		return curve, notFound(err)
	}
	for number := 1; ; number++ {
		line, rest, whole := bytes.Cut(lines, []byte("\n"))
		if !whole {
			return curve, nil
		}
		var point series.Point
		if err := json.Unmarshal(line, &point); err != nil {
			return curve, fault.New(fault.Corrupt, "%s:%d: %w", path, number, err)
		}
		if n := len(curve.Points); n > 0 && curve.Points[n-1].Step >= point.Step {
			return curve, fault.New(fault.Corrupt, "%s:%d: step %d after step %d", path, number, point.Step, curve.Points[n-1].Step)
		}
		curve.Points, lines = append(curve.Points, point), rest
	}
}

// ReadRun gives the curves of a run's folder by the names of their adapters.
func ReadRun(folder string) ([]series.Curve, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, notFound(err)
	}
	var curves []series.Curve
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		curve, err := Read(filepath.Join(folder, entry.Name()))
		if fault.Is(err, fault.NotFound) { // something else's folder
			continue
		}
		if err != nil {
			return nil, err
		}
		curves = append(curves, curve)
	}
	return curves, nil
}

func notFound(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fault.New(fault.NotFound, "read a curve: %w", err)
	}
	return fmt.Errorf("read a curve: %w", err)
}

// writeRun puts run.json in place.
func writeRun(folder string, run series.Run) error {
	data, err := json.MarshalIndent(run, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", RunFile, err)
	}
	return series.Replace(filepath.Join(folder, RunFile), append(data, '\n'))
}

// lines is a series.Sink that appends to series.jsonl.
type lines struct{ file *os.File }

func createLines(folder string, points []series.Point) (*lines, error) {
	var content []byte
	for _, point := range points {
		line, err := point.MarshalJSON()
		if err != nil {
			return nil, err
		}
		content = append(append(content, line...), '\n')
	}
	file, err := series.Begin(filepath.Join(folder, SeriesFile), content)
	return &lines{file}, err
}

// Write appends a point by one call, so that a process killed in between leaves whole lines.
func (l *lines) Write(point series.Point) error {
	line, err := point.MarshalJSON()
	if err != nil {
		return err
	}
	if _, err := l.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("append to %s: %w", SeriesFile, err)
	}
	return nil
}

// Close brings the lines to the disk.
func (l *lines) Close(bool) error {
	if err := errors.Join(l.file.Sync(), l.file.Close()); err != nil {
		return fmt.Errorf("close %s: %w", SeriesFile, err)
	}
	return nil
}
