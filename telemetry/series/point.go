package series

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"elara/spec"
	"elara/spec/fault"
)

// Value is one number of a point.
type Value struct {
	Key    string
	Number float64 // finite
}

// Point is what is known after one optimiser step.
type Point struct {
	Step   int64
	At     time.Time // zero where it is not known: the log of a checkpoint has no clock
	Values []Value   // in the order of their keys, none twice
}

// Of makes the point of a step that ended a logging window or was followed by an evaluation; other steps give none.
func Of(p spec.Progress, at time.Time) (Point, bool) {
	point := Point{Step: p.Step, At: at}
	logged, evaluated := p.LoggedStep == p.Step, p.EvalStep == p.Step
	if p.Step < 1 || !logged && !evaluated {
		return point, false
	}
	if logged {
		point.set(TrainLoss, p.LoggedLoss)
		point.set(TrainLearningRate, p.LearningRate)
		point.setKnown(TrainGradNorm, p.GradNorm) // a step that overflowed has none
		point.setKnown(TrainTokens, p.TokensPerSecond)
		point.setKnown(TrainPeakMemory, float64(p.PeakMemoryBytes)/1e6)
		point.setKnown(TrainMatmulShare, p.MatmulShare)
		for name, number := range p.Metrics {
			point.set(Metric(name), number)
		}
	}
	if evaluated {
		point.set(EvalLoss, p.EvalLoss)
	}
	point.set(TrainEpoch, p.Epoch)
	point.set(TrainGlobalStep, float64(p.Step))
	return point, true
}

// set puts a value in its place. What JSON cannot hold is left out.
func (p *Point) set(key string, number float64) {
	if math.IsNaN(number) || math.IsInf(number, 0) {
		return
	}
	at, found := slices.BinarySearchFunc(p.Values, key, func(v Value, key string) int { return order(v.Key, key) })
	if found {
		p.Values[at].Number = number
		return
	}
	p.Values = slices.Insert(p.Values, at, Value{key, number})
}

// setKnown leaves out a figure that nobody measured.
func (p *Point) setKnown(key string, number float64) {
	if number != 0 {
		p.set(key, number)
	}
}

// Get gives the value under a key.
func (p Point) Get(key string) (float64, bool) {
	for _, v := range p.Values {
		if v.Key == key {
			return v.Number, true
		}
	}
	return 0, false
}

// stepKey and timeKey stand beside the values in a line of JSON; the time is in seconds since 1970.
const (
	stepKey = "step"
	timeKey = "time"
)

// MarshalJSON writes one flat object: step, time, then the values.
func (p Point) MarshalJSON() ([]byte, error) {
	line := []byte(`{"` + stepKey + `":`)
	line = strconv.AppendInt(line, p.Step, 10)
	if !p.At.IsZero() {
		line = append(line, `,"`+timeKey+`":`...)
		line = strconv.AppendFloat(line, float64(p.At.UnixMilli())/1000, 'f', 3, 64)
	}
	for _, v := range p.Values {
		number, err := json.Marshal(v.Number)
		if err != nil {
			return nil, fmt.Errorf("encode %s of step %d: %w", v.Key, p.Step, err)
		}
		line = strconv.AppendQuote(append(line, ','), v.Key)
		line = append(append(line, ':'), number...)
	}
	return append(line, '}'), nil
}

// UnmarshalJSON reads what MarshalJSON wrote. What is no value of a training or an evaluation is left out.
func (p *Point) UnmarshalJSON(data []byte) error {
	var numbers map[string]float64
	decoder := json.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&numbers); err != nil {
		return fault.New(fault.Corrupt, "point of a curve: %w", err)
	}
	step, found := numbers[stepKey]
	if !found || step < 1 || step != math.Trunc(step) {
		return fault.New(fault.Corrupt, "point of a curve: expected a whole %s of 1 or more", stepKey)
	}
	*p = Point{Step: int64(step)}
	if at, found := numbers[timeKey]; found {
		p.At = time.UnixMilli(int64(math.Round(at * 1000))).UTC()
	}
	for key, number := range numbers {
		if isKey(key) {
			p.set(key, number)
		}
	}
	return nil
}
