package report

import (
	_ "embed"
	"fmt"
	"math"

	"elara/spec"
)

//go:embed evaluation.html
var evaluationTemplate string

// Evaluated is a candidate's evaluation: what EvaluationPage draws.
type Evaluated struct {
	Title    string
	Verdict  spec.GateVerdict // empty: nothing was judged
	Facts    []Fact
	Adapters []EvaluatedAdapter
	Limits   []string // what the figures do not say
}

// Fact is a name with a value, for the top of the page.
type Fact struct{ Name, Value string }

// EvaluatedAdapter is one adapter with its answers, worst first.
type EvaluatedAdapter struct {
	spec.AdapterGate
	OldName    string // of the columns
	Score      spec.AdapterScore
	Remembered []Remembered // empty: nobody asked
	Opinion    string       // of a judge; empty: nobody asked
	Answers    []EvaluatedAnswer
	Hidden     int // answers that are not shown
}

// Remembered is one way in which an adapter may have its training rows by heart, in words.
type Remembered struct{ What, Adapter, Base, AtMost string }

// EvaluatedAnswer is a question, answered by the older model and by the adapter.
type EvaluatedAnswer struct {
	Question, Reference, Old, New string
	Scores                        string   // of the new answer, in words
	Findings                      []string // in the new answer
}

// Bounds of a drawn interval, in the units of its view box.
const (
	rangeWidth  = 220.0
	rangeHeight = 26.0
	rangeMargin = 6.0
)

// drawnRange is a gain with its interval beside 0 and the margin.
type drawnRange struct {
	Width, Height          float64
	Low, Value, High, Zero float64
	Margin                 float64
	Says                   string
}

func rangeOf(c spec.Comparison, rules spec.GateRules) drawnRange {
	margin := rules.Margins.Of(c.Metric)
	reach := 1.1 * max(math.Abs(c.Gain.Low), math.Abs(c.Gain.High), margin, 1e-9)
	across := scale{-reach, reach, rangeMargin, rangeWidth - rangeMargin}
	return drawnRange{
		Width: rangeWidth, Height: rangeHeight, Zero: across.at(0), Margin: across.at(-margin),
		Low: across.at(c.Gain.Low), Value: across.at(c.Gain.Value), High: across.at(c.Gain.High),
		Says: fmt.Sprintf("%s: gain %s, margin %g", c.Metric, estimate(c.Gain), margin),
	}
}

func estimate(e spec.Estimate) string {
	return fmt.Sprintf("%s (%s to %s)", number(e.Value), number(e.Low), number(e.High))
}

// EvaluationPage draws an evaluation: the verdict on top, its reasons, every figure with its interval, and the answers, worst
// first.
func EvaluationPage(e Evaluated) ([]byte, error) {
	return html("evaluation of "+e.Title, evaluationTemplate, e)
}
