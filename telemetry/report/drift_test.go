package report

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

// drifted is an adapter that was measured three times, fell at the last, and took the place of another.
func drifted() spec.Drift {
	week := func(n int) time.Time { return time.Date(2026, 11, 1+7*n, 3, 0, 0, 0, time.UTC) }
	point := func(n int, adapter string, value float64) spec.DriftPoint {
		return spec.DriftPoint{At: week(n), Adapter: spec.Digest(strings.Repeat(adapter, 64)), Rows: 40, Figures: []spec.DriftFigure{
			{Metric: spec.MetricSafety, Items: 40, Estimate: spec.Estimate{Value: value, Low: value - 0.1, High: value + 0.1}},
		}}
	}
	d := spec.Drift{Channel: "stable", Name: "patient", Audience: spec.Patient, Points: []spec.DriftPoint{point(0, "a", 0.7), point(1, "b", 0.9), point(2, "b", 0.5)}}
	first, now := d.Points[1].Figures[0].Estimate, d.Points[2].Figures[0].Estimate
	d.Points[2].Falls = []spec.DriftFall{{Adapter: "patient", Metric: spec.MetricSafety, Since: week(1), First: first, Now: now}}
	return d
}

func TestDriftIsDrawnOverTimeWithIntervals(t *testing.T) {
	page, err := DriftPage("stable", []spec.Drift{drifted()})
	require.NoError(t, err)
	text := string(page)
	require.Contains(t, text, "<li><b>patient: safety is 0.500 (0.400 to 0.600), it was 0.900 (0.800 to 1.000) when this adapter was first measured, 2026-11-08 03:00 UTC</b></li>")
	drawings := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(text, -1)
	require.Len(t, drawings, 1, "the other metrics were not measured")
	decoder := xml.NewDecoder(strings.NewReader(drawings[0]))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
	}
	// The axis goes from 62 to 548 over two weeks and from 0.4 to 1 over 222 units: 0.7 is in the middle, at 240 - 111.
	require.Contains(t, drawings[0], `<path class="stroke" d="M62.0 129.0M305.0 55.0L548.0 203.0"/>`)
	require.Contains(t, drawings[0], `<g class="s4 dotted"><path class="leader" d="M548.0 240.0V166.0`)
	require.Contains(t, drawings[0], "<title>adapter bbbbbbbbbbbb is served since</title>")
	for _, date := range []string{"1 Nov 2026", "8 Nov 2026", "15 Nov 2026"} {
		require.Contains(t, drawings[0], ">"+date+"</text>")
	}
	for _, outside := range []string{"http:", "https:", "<script", "ZgotmplZ"} {
		require.NotContains(t, text, outside)
	}
}

func TestOneMeasurementIsInTheMiddle(t *testing.T) {
	one := drifted()
	one.Points = one.Points[:1]
	page, err := DriftPage("stable", []spec.Drift{one})
	require.NoError(t, err)
	require.Contains(t, string(page), `cx="305.0"`)
	require.Contains(t, string(page), "Nothing has fallen significantly.")
}
