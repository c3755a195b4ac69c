package runlog

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"elara/spec/fault"
	"elara/telemetry/series"
	"elara/telemetry/wandb"
)

// Sinks beside series.jsonl and the report, as report_to names them.
const (
	TensorBoard = "tensorboard"
	WandB       = "wandb"
)

// Sinks lists them.
func Sinks() []string { return []string{TensorBoard, WandB} }

// DefaultProject is the guide's project at W&B.
const DefaultProject = "elara-medical-lora"

// Options says whose curve is kept, and where.
type Options struct {
	Dir      string   // logging_dir
	Run      string   // of the pipeline, or the name of a single training; a folder's name
	Adapter  string   // a folder's name
	Name     string   // run_name, what W&B shows; empty: RUN-ADAPTER
	Project  string   // at W&B; empty: DefaultProject
	ReportTo []string // of Sinks; empty: series.jsonl and the report alone
	Config   any      // encodes to a JSON object
	WandB    wandb.Options

	// State is the trainer_state.json of the checkpoint that this attempt goes on from; nil: it begins at the beginning.
	State []byte
	// Anew says that a beginning at the beginning is another training, as when a person gives a command again. Without it
	// that is one more attempt at the same training, as when a workflow tries again.
	Anew bool
	// Notice gets one line for each sink that had to be left out, from any goroutine; nil: nobody is told.
	Notice func(string)
	// Now is the clock; nil: the machine's.
	Now func() time.Time
	// PeakMemory is asked where the progress has none, in bytes; nil: resident memory of this process.
	PeakMemory func() int64
}

func (o Options) check() error {
	for _, name := range []string{o.Run, o.Adapter} {
		if name == "" || name != filepath.Base(name) || strings.HasPrefix(name, ".") || strings.ContainsAny(name, `\/#?%:*[`) {
			return fault.New(fault.Invalid, "curve of %q, adapter %q: expected names that a folder and a W&B run can bear", o.Run, o.Adapter)
		}
	}
	if o.Dir == "" {
		return fault.New(fault.Invalid, "logging_dir: expected a folder")
	}
	for _, sink := range o.ReportTo {
		if !slices.Contains(Sinks(), sink) {
			return fault.New(fault.Invalid, "report_to %q: expected %s", sink, strings.Join(Sinks(), " or "))
		}
	}
	return nil
}

// id is the same for every attempt at the same training: on whatever machine, unless trainings of the same name are told
// apart by the time of their beginning, which only this folder knows. kept is the run that the folder holds.
func (o Options) id(kept series.Run) string {
	id := o.Run + "-" + o.Adapter
	switch {
	case o.Anew && o.State == nil:
		return id + "-" + o.now().Format("20060102t150405")
	case o.Anew && strings.HasPrefix(kept.ID, id):
		return kept.ID
	}
	return id
}

func (o Options) folder() string { return filepath.Join(o.Dir, o.Run, o.Adapter) }

func (o Options) notice(line string) {
	if o.Notice != nil {
		o.Notice(line)
	}
}

func (o Options) now() time.Time {
	if o.Now != nil {
		return o.Now().UTC()
	}
	return time.Now().UTC()
}

func (o Options) peakMemory() int64 {
	if o.PeakMemory != nil {
		return o.PeakMemory()
	}
	return peakResident()
}
