package train

import (
	"math"

	"elara/spec/fault"
)

// torch's GradScaler: where the factor begins, how it grows after so many good steps, and how it falls after a bad one.
const (
	firstScale     = 65536
	scaleGrowth    = 2
	scaleBackoff   = 0.5
	growthInterval = 2000
)

// leastScale is where a run in half precision gives up: forty steps in a row have then overflowed from the first factor on.
const leastScale = 1.0 / (1 << 24)

// Scaler is the factor by which a run in half precision multiplies its loss, so that small gradients do not vanish. It is
// part of the state of a run.
type Scaler struct {
	Scale float64 `json:"scale"`
	Good  int64   `json:"growth_tracker"` // steps without an overflow since the factor last changed
}

// newScaler gives the factor that a run begins with.
func newScaler() *Scaler { return &Scaler{Scale: firstScale} }

// update follows a step. The factor is held in float32 there, so it stops growing where float32 ends.
func (s *Scaler) update(overflow bool) error {
	if overflow {
		s.Scale, s.Good = s.Scale*scaleBackoff, 0
		if s.Scale < leastScale {
			return fault.New(fault.Diverged, "the gradients overflow half precision at every loss scale down to %v", s.Scale)
		}
		return nil
	}
	if s.Good++; s.Good < growthInterval {
		return nil
	}
	s.Good = 0
	if grown := s.Scale * scaleGrowth; !math.IsInf(float64(float32(grown)), 0) {
		s.Scale = grown
	}
	return nil
}
