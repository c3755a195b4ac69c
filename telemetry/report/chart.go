package report

import (
	"fmt"
	"slices"
	"strings"

	"elara/telemetry/series"
)

const (
	mostDots    = 150  // of a line
	nameHeight  = 15.0 // of a line's name
	fewDots     = 40   // of a line that shows them all
	strokeKinds = 8    // colours and dashes that the style has
)

// chart is one figure, ready to be drawn.
type chart struct {
	plot
	quantity
	Across    string // what lies across
	Describes string // for who does not see it
	Lines     []line
	Marks     []mark
	Warnings  []warning
}

// line is one adapter's.
type line struct {
	Stroke int // number of its colour and dashes
	Path   string
	Dots   []dot
	Shown  bool // the dots are, not only when pointed at
	Faint  bool // the line itself is: the dots count
	Name   string
	NameAt float64 // y
	EndAt  float64 // y of the last dot
	EndX   float64
}

// mark is a restart.
type mark struct {
	Stroke int
	X      float64
	Says   string
}

// draw makes the chart of a quantity; false when no curve has it.
func draw(q quantity, curves []series.Curve) (chart, bool) {
	low, high, last, found := bounds(q, curves)
	if !found {
		return chart{}, false
	}
	c := chart{plot: newPlot(), quantity: q, Across: "step"}
	across, up := c.across(0, float64(last), nil), c.up(span(low, high, q.zero))
	for _, step := range stepTicks(last) {
		c.Columns = append(c.Columns, tick{across.at(float64(step)), grouped(step)})
	}
	var says []string
	for i, curve := range curves {
		l, newest, drawn := trace(q, curve, across, up)
		if !drawn {
			continue
		}
		l.Stroke = i % strokeKinds
		c.Lines = append(c.Lines, l)
		says = append(says, fmt.Sprintf("%s ends at %s", curve.Run.Adapter, number(newest)))
		for _, step := range curve.Run.Restarts() {
			c.Marks = append(c.Marks, mark{l.Stroke, across.at(float64(step)), curve.Run.Adapter + " went on from step " + grouped(step) + " after a restart"})
		}
		c.warn(curve, l.Stroke, func(point series.Point) (x, y float64, found bool) {
			y = c.Floor
			if value, has := q.of(point); has {
				y = up.at(value)
			}
			return across.at(float64(point.Step)), y, true
		})
	}
	c.Describes = fmt.Sprintf("%s over %s steps: %s.", q.Title, grouped(last), strings.Join(says, ", "))
	c.spread()
	return c, true
}

// bounds finds the range of a quantity over all curves, and the last step of those that have it.
func bounds(q quantity, curves []series.Curve) (low, high float64, last int64, found bool) {
	for _, curve := range curves {
		has := false
		for _, point := range q.drawnOf(curve) {
			value, measured := q.of(point)
			if !measured {
				continue
			}
			if !found {
				low, high, found = value, value, true
			}
			low, high, has = min(low, value), max(high, value), true
		}
		if has {
			last = max(last, curve.Points[len(curve.Points)-1].Step)
		}
	}
	return low, high, last, found
}

// trace lays one curve's line.
func trace(q quantity, curve series.Curve, across, up scale) (line, float64, bool) {
	var dots []dot
	var newest float64
	for _, point := range q.drawnOf(curve) {
		value, has := q.of(point)
		if !has {
			continue
		}
		newest = value
		dots = append(dots, dot{across.at(float64(point.Step)), up.at(newest),
			fmt.Sprintf("%s, step %s: %s", curve.Run.Adapter, grouped(point.Step), number(newest))})
	}
	if len(dots) == 0 {
		return line{}, 0, false
	}
	l := through(curve.Run.Adapter, dots, mostDots)
	l.Shown = len(dots) <= fewDots
	return l, newest, true
}

// through lays a line through dots, thinned to so many, and puts its name beside the last one.
func through(name string, dots []dot, most int) line {
	end := dots[len(dots)-1]
	l := line{Name: name, NameAt: end.Y, EndAt: end.Y, EndX: end.X, Dots: thin(dots, most)}
	var path strings.Builder
	for i, d := range l.Dots {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", command, d.X, d.Y)
	}
	l.Path = path.String()
	return l
}

// spread moves the names of the lines apart where they would cover each other.
func (c *chart) spread() {
	order := make([]*line, len(c.Lines))
	for i := range c.Lines {
		order[i] = &c.Lines[i]
	}
	slices.SortStableFunc(order, func(a, b *line) int {
		switch {
		case a.EndAt < b.EndAt:
			return -1
		case a.EndAt > b.EndAt:
			return 1
		}
		return 0
	})
	for i := 1; i < len(order); i++ {
		order[i].NameAt = max(order[i].NameAt, order[i-1].NameAt+nameHeight)
	}
	// What was pushed below the axis goes up again, and pushes the others.
	floor := c.Floor
	for i := len(order) - 1; i >= 0; i-- {
		order[i].NameAt = min(order[i].NameAt, floor)
		floor = order[i].NameAt - nameHeight
	}
}
