package series

import (
	"maps"
	"slices"
	"time"
)

// Run says whose training a curve shows. All attempts of a training have the same ID.
type Run struct {
	ID       string    `json:"id"`
	Adapter  string    `json:"adapter"`
	Name     string    `json:"name"`            // what people see
	Group    string    `json:"group,omitempty"` // pipeline run, which the adapters of one run share
	Project  string    `json:"project"`
	Started  time.Time `json:"started"` // of the first attempt
	Config   Config    `json:"config"`
	Attempts []Attempt `json:"attempts"`
}

// Attempt is one stretch of a training in one process.
type Attempt struct {
	Started     time.Time `json:"started"`
	ResumedFrom int64     `json:"resumed_from"` // step of the checkpoint it went on from; 0: from the beginning
	Ended       time.Time `json:"ended,omitzero"`
	LastStep    int64     `json:"last_step,omitempty"` // set with Ended
	Done        bool      `json:"done,omitempty"`      // it reached the last step of the training
}

// Restarts lists the steps at which the training went on after a stretch that did not come to an orderly end.
func (r Run) Restarts() []int64 {
	var steps []int64
	for i, a := range r.Attempts {
		switch {
		case i == 0 && a.ResumedFrom > 0: // the stretches before ran elsewhere
			steps = append(steps, a.ResumedFrom)
		case i > 0 && r.Attempts[i-1].Ended.IsZero():
			steps = append(steps, a.ResumedFrom)
		}
	}
	return steps
}

// Done reports whether the training has reached its last step.
func (r Run) Done() bool {
	return len(r.Attempts) > 0 && r.Attempts[len(r.Attempts)-1].Done
}

// Curve is a training's points, by rising step.
type Curve struct {
	Run    Run
	Points []Point
	// Again are the points after the checkpoint that the training goes on from: they were kept once, and their steps are
	// going to be run again. Nothing of a deterministic training but its speed comes out otherwise.
	Again []Point
}

// Keys lists what the points measure, in the order in which a point has it.
func (c Curve) Keys() []string {
	measured := map[string]bool{}
	for _, point := range c.Points {
		for _, v := range point.Values {
			measured[v.Key] = true
		}
	}
	return slices.SortedFunc(maps.Keys(measured), order)
}

// Sink keeps points in one form. Calls come one at a time.
type Sink interface {
	// Write keeps a point; steps rise from call to call.
	Write(Point) error
	// Close ends the stretch; done says that the training has reached its last step. The sink is not used after it,
	// and Close is called once, also after a failed Write.
	Close(done bool) error
}
