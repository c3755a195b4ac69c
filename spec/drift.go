package spec

import (
	"fmt"
	"time"
)

// DriftInput keeps how well what a channel serves does on the rows held out by a run.
type DriftInput struct {
	Run     RunID         `json:"run"`
	Channel string        `json:"channel"`
	At      time.Time     `json:"at"`
	Served  []ServedScore `json:"served"` // in the order of the plan
}

// ServedScore is an adapter that a channel serves, measured.
type ServedScore struct {
	Audience Audience     `json:"audience"`
	Adapter  ArtifactRef  `json:"adapter"`
	Dataset  ArtifactRef  `json:"dataset"` // whose held-out rows
	Score    AdapterScore `json:"score"`
}

// DriftResult names what does significantly worse than when its adapter was first measured.
type DriftResult struct {
	Falls []DriftFall `json:"falls,omitempty"`
}

// Drift is the course of what a channel serves under one adapter's name, measured on ever newer held-out rows.
type Drift struct {
	Channel  string       `json:"channel"`
	Name     AdapterName  `json:"name"`
	Audience Audience     `json:"audience"`
	Points   []DriftPoint `json:"points"` // oldest first
}

// DriftPoint is one measurement of what a channel served.
type DriftPoint struct {
	Run     RunID         `json:"run"`
	At      time.Time     `json:"at"`
	Adapter Digest        `json:"adapter"` // that was served
	Dataset Digest        `json:"dataset"` // whose held-out rows
	Rows    int64         `json:"rows"`
	Figures []DriftFigure `json:"figures"` // of the metrics that were measured
	Falls   []DriftFall   `json:"falls,omitempty"`
}

// DriftFigure is a metric with its 95 % interval.
type DriftFigure struct {
	Metric Metric `json:"metric"`
	Items  int    `json:"items"`
	Estimate
}

// DriftFall is a metric that does significantly worse on today's held-out rows than the same adapter did on those that it was
// first measured on.
type DriftFall struct {
	Adapter  AdapterName `json:"adapter"`
	Audience Audience    `json:"audience"`
	Metric   Metric      `json:"metric"`
	Since    time.Time   `json:"since"` // of the first measurement
	First    Estimate    `json:"first"`
	Now      Estimate    `json:"now"`
	Gain     Estimate    `json:"gain"` // as in Comparison, its interval widened for all metrics at once; High is below 0
}

// Text is the fall for people.
func (f DriftFall) Text() string {
	return fmt.Sprintf("%s: %s is %s, it was %s when this adapter was first measured, %s UTC",
		f.Adapter, f.Metric, f.Now.Text(), f.First.Text(), f.Since.UTC().Format("2006-01-02 15:04"))
}
