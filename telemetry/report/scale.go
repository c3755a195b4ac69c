package report

import (
	"math"
	"strconv"
)

// scale maps values onto pixels.
type scale struct {
	low, high float64 // values at the ends
	from, to  float64 // pixels at the ends
}

func (s scale) at(value float64) float64 {
	return s.from + (value-s.low)/(s.high-s.low)*(s.to-s.from)
}

// span finds a range with round ends that holds the values, and the round numbers to mark in it. withZero makes it begin
// at zero, for quantities whose size matters and not just their change.
func span(low, high float64, withZero bool) (from, to float64, ticks []float64) {
	if withZero {
		low = min(low, 0)
	}
	if low == high { // one value: leave room on both sides of it
		room := max(math.Abs(low)*0.1, 1e-12)
		low, high = low-room, high+room
		if withZero {
			low = 0
		}
	}
	step := roundStep((high - low) / 4)
	first := math.Floor(low / step)
	for n := first; ; n++ {
		ticks = append(ticks, n*step)
		if n*step >= high-step*1e-9 {
			return first * step, n * step, ticks
		}
	}
}

// roundStep is the smallest of 1, 2, 2.5, 5 and 10 times a power of ten that is not below the step wished for.
func roundStep(wished float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(wished)))
	for _, factor := range []float64{1, 2, 2.5, 5} {
		if factor*power >= wished*(1-1e-9) {
			return factor * power
		}
	}
	return 10 * power
}

// stepTicks marks whole steps from 0 to the last.
func stepTicks(last int64) []int64 {
	every := max(1, int64(math.Ceil(roundStep(float64(last)/6))))
	var ticks []int64
	for step := int64(0); step <= last; step += every {
		ticks = append(ticks, step)
	}
	return ticks
}

// number prints four significant digits, without an exponent where a reader can do without.
func number(v float64) string {
	switch size := math.Abs(v); {
	case v == 0 || size < 1e-12:
		return "0"
	case size < 1e-3 || size >= 1e7:
		return strconv.FormatFloat(v, 'g', 4, 64)
	case size >= 1000:
		return grouped(int64(math.Round(v)))
	}
	return strconv.FormatFloat(rounded(v), 'f', -1, 64)
}

// rounded keeps four significant digits.
func rounded(v float64) float64 {
	digits := 3 - int(math.Floor(math.Log10(math.Abs(v))))
	factor := math.Pow(10, float64(digits))
	return math.Round(v*factor) / factor
}

func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
