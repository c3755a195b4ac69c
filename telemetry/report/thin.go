package report

import "math"

// dot is a point of a line, in pixels, with what it says when pointed at.
type dot struct {
	X, Y float64
	Says string
}

// thin keeps at most most dots: the first, the last, and from each of as many equal stretches between them the one that
// spans the largest triangle with its neighbours, so that peaks stay (Steinarsson 2013, "largest triangle three
// buckets").
func thin(dots []dot, most int) []dot {
	if len(dots) <= most || most < 3 {
		return dots
	}
	kept := append(make([]dot, 0, most), dots[0])
	stretch := float64(len(dots)-2) / float64(most-2)
	edge := func(n int) int { return 1 + int(float64(n)*stretch) }
	for n := range most - 2 {
		begin, end := edge(n), edge(n+1)
		next := mean(dots[end:min(edge(n+2), len(dots))])
		last, best, largest := kept[len(kept)-1], begin, -1.0
		for i := begin; i < end; i++ {
			area := math.Abs((last.X-next.X)*(dots[i].Y-last.Y) - (last.X-dots[i].X)*(next.Y-last.Y))
			if area > largest {
				best, largest = i, area
			}
		}
		kept = append(kept, dots[best])
	}
	return append(kept, dots[len(dots)-1])
}

func mean(dots []dot) dot {
	var sum dot
	for _, d := range dots {
		sum.X, sum.Y = sum.X+d.X, sum.Y+d.Y
	}
	n := float64(len(dots))
	return dot{X: sum.X / n, Y: sum.Y / n}
}
