package wandb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"elara/telemetry/series"
)

// Offline is a series.Sink that writes a run folder for `wandb sync`: the points that W&B does not have yet. wandb sync
// appends to a run that is there, so a point that was sent before would be there twice.
type Offline struct {
	path    string // of the .wandb file
	run     series.Run
	options Options
	sent    int64 // newest step that W&B has; points up to it are left out
	file    *os.File
	framing framing
	number  int64 // of the newest record
}

// CreateOffline begins a run folder below dir with the points so far, in place of those that earlier attempts left and
// nobody sent.
func CreateOffline(dir string, curve series.Curve, o Options) (*Offline, error) {
	sent, err := readSent(dir, curve.Run.ID)
	if err != nil {
		return nil, err
	}
	folders, err := filepath.Glob(filepath.Join(dir, folderName("*", curve.Run.ID)))
	if err != nil {
		return nil, fmt.Errorf("list W&B runs: %w", err)
	}
	for _, folder := range folders {
		at, marked, err := sentAt(filepath.Join(folder, fileName(curve.Run.ID)))
		switch {
		case err != nil:
			return nil, err
		case marked:
			sent = max(sent, newestBefore(at, curve))
			continue
		}
		if err := os.RemoveAll(folder); err != nil {
			return nil, fmt.Errorf("remove the W&B run before this one: %w", err)
		}
	}
	began := curve.Run.Attempts[len(curve.Run.Attempts)-1].Started.UTC()
	folder := filepath.Join(dir, folderName(began.Format(folderTime), curve.Run.ID))
	for slices.Contains(folders, folder) { // begun and sent within this second
		began = began.Add(time.Second)
		folder = filepath.Join(dir, folderName(began.Format(folderTime), curve.Run.ID))
	}
	w := &Offline{path: filepath.Join(folder, fileName(curve.Run.ID)), run: curve.Run, options: o, sent: sent}
	return w, w.begin(curve.Points)
}

// Names that W&B's own client gives.
const (
	folderTime   = "20060102_150405"
	syncedSuffix = ".synced"    // marks a file that the server has whole
	stateSuffix  = ".syncstate" // marks a file that was begun to be sent; all that stays for one that a kill has torn
)

func folderName(began, id string) string { return "offline-run-" + began + "-" + id }

func fileName(id string) string { return "run-" + id + ".wandb" }

// sentAt tells when wandb sync sent a file, if it did.
func sentAt(path string) (at time.Time, marked bool, err error) {
	for _, suffix := range []string{syncedSuffix, stateSuffix} {
		marker, err := os.Stat(path + suffix)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return at, false, fmt.Errorf("look at a W&B run: %w", err)
		}
		if marked = true; marker.ModTime().After(at) {
			at = marker.ModTime()
		}
	}
	return at, marked, nil
}

// newestBefore is the newest step that had been kept at a time.
func newestBefore(at time.Time, curve series.Curve) int64 {
	var newest int64
	for _, point := range slices.Concat(curve.Points, curve.Again) {
		if !point.At.After(at) {
			newest = max(newest, point.Step)
		}
	}
	return newest
}

// begin writes the file from its first byte.
func (w *Offline) begin(points []series.Point) error {
	w.number = 0
	content := preamble()
	w.framing.length = len(content)
	content = w.record(content, recordHeader, header())
	content = w.record(content, recordRun, runRecord(w.run, w.options))
	for _, point := range points {
		var err error
		if content, err = w.point(content, point); err != nil {
			return err
		}
	}
	file, err := series.Begin(w.path, content)
	if err == nil {
		w.file = file
	}
	return err
}

// Folder is what `wandb sync` takes.
func (w *Offline) Folder() string { return filepath.Dir(w.path) }

// record frames one record behind out.
func (w *Offline) record(out []byte, kind protowire.Number, data []byte) []byte {
	w.number++
	return w.framing.append(out, appendBytes(appendNumber(nil, recordNumber, w.number), kind, data))
}

// point frames a point behind out, unless W&B has it.
func (w *Offline) point(out []byte, point series.Point) ([]byte, error) {
	if point.Step <= w.sent {
		return out, nil
	}
	all, err := fields(w.run, point)
	if err != nil {
		return nil, err
	}
	out = w.record(out, recordSummary, summaryRecord(all))
	return w.record(out, recordHistory, historyRecord(all, point.Step)), nil
}

// Write appends a point.
func (w *Offline) Write(point series.Point) error {
	content, err := w.point(nil, point)
	if err != nil {
		return err
	}
	if _, err := w.file.Write(content); err != nil {
		return fmt.Errorf("append to the W&B run: %w", err)
	}
	return nil
}

// Close ends the file; only a training that is done gets the record of an exit, and is shown as finished.
func (w *Offline) Close(done bool) error {
	var err error
	if done {
		_, err = w.file.Write(w.record(nil, recordExit, nil))
	}
	if err = errors.Join(err, w.file.Sync(), w.file.Close()); err != nil {
		return fmt.Errorf("close the W&B run: %w", err)
	}
	return nil
}
