package report

import (
	_ "embed"
	"fmt"
	"strings"
	"time"

	"elara/spec"
)

//go:embed drift.html
var driftTemplate string

// driftStrokes are the colours of a course and of a point that has fallen.
const (
	driftStroke = 0
	fallStroke  = 4
)

// drifting is one adapter's name with a chart for each metric.
type drifting struct {
	spec.Drift
	Charts []driftChart
	Falls  []spec.DriftFall // as of the last measurement
}

// driftChart is the course of a metric over time.
type driftChart struct {
	plot
	Metric    spec.Metric
	Describes string // for who does not see it
	Path      string // through the values of each adapter that was served
	Points    []drawnPoint
	Changes   []mark // of the adapter that is served
}

// drawnPoint is a value with its interval.
type drawnPoint struct {
	Stroke         int
	X, Y           float64
	LowAt, HighAt  float64 // y
	Says           string
	When, Estimate string
	Rows           int64
	Adapter        string
}

// DriftPage draws how well what a channel served did on ever newer held-out rows: a chart for each metric of each adapter,
// every value with its interval, a significant fall in another colour, and all numbers as tables.
func DriftPage(channel string, drifts []spec.Drift) ([]byte, error) {
	var all []drifting
	for _, drift := range drifts {
		d := drifting{Drift: drift}
		for _, metric := range spec.Metrics() {
			if chart, found := drawDrift(metric, drift.Points); found {
				d.Charts = append(d.Charts, chart)
			}
		}
		if n := len(drift.Points); n > 0 {
			d.Falls = drift.Points[n-1].Falls
		}
		all = append(all, d)
	}
	return html("drift of channel "+channel, driftTemplate, struct {
		Channel string
		Drifts  []drifting
	}{channel, all})
}

// drawDrift makes the chart of a metric; false when it was never measured.
func drawDrift(metric spec.Metric, points []spec.DriftPoint) (driftChart, bool) {
	type measured struct {
		spec.DriftPoint
		figure spec.DriftFigure
	}
	var all []measured
	for _, point := range points {
		for _, figure := range point.Figures {
			if figure.Metric == metric {
				all = append(all, measured{point, figure})
			}
		}
	}
	if len(all) == 0 {
		return driftChart{}, false
	}
	low, high := all[0].figure.Low, all[0].figure.High
	for _, m := range all {
		low, high = min(low, m.figure.Low), max(high, m.figure.High)
	}
	c := driftChart{plot: newPlot(), Metric: metric}
	up := c.up(span(low, high, false))
	began, ended := all[0].At, all[len(all)-1].At
	across := c.acrossTime(began, ended)
	for _, share := range []float64{0, 0.5, 1} {
		at := began.Add(time.Duration(share * float64(ended.Sub(began))))
		c.Columns = append(c.Columns, tick{across(at), at.UTC().Format("2 Jan 2006")})
		if !ended.After(began) {
			break
		}
	}
	var path strings.Builder
	for i, m := range all {
		p := drawnPoint{
			Stroke: driftStroke, X: across(m.At), Y: up.at(m.figure.Value), LowAt: up.at(m.figure.Low), HighAt: up.at(m.figure.High),
			When: m.At.UTC().Format("2006-01-02 15:04"), Estimate: estimate(m.figure.Estimate), Rows: m.Rows, Adapter: m.Adapter.Short(),
		}
		p.Says = fmt.Sprintf("%s, adapter %s: %s", p.When, p.Adapter, p.Estimate)
		for _, fall := range m.Falls {
			if fall.Metric == metric {
				p.Stroke, p.Says = fallStroke, p.Says+", a significant fall"
			}
		}
		command := "L"
		if changed := i > 0 && all[i-1].Adapter != m.Adapter; i == 0 || changed {
			command = "M"
			if changed {
				c.Changes = append(c.Changes, mark{driftStroke, p.X, "adapter " + p.Adapter + " is served since"})
			}
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", command, p.X, p.Y)
		c.Points = append(c.Points, p)
	}
	c.Path = path.String()
	c.Describes = fmt.Sprintf("%s over %d measurements, the last %s.", metric, len(all), c.Points[len(c.Points)-1].Says)
	return c, true
}

// acrossTime maps moments onto pixels; a single moment is in the middle.
func (p *plot) acrossTime(began, ended time.Time) func(time.Time) float64 {
	if !ended.After(began) {
		return func(time.Time) float64 { return (p.Left + p.Right) / 2 }
	}
	across := p.across(0, ended.Sub(began).Seconds(), nil)
	return func(at time.Time) float64 { return across.at(at.Sub(began).Seconds()) }
}
