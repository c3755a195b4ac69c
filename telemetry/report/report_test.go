package report

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/telemetry/series"
)

var update = flag.Bool("update", false, "write the golden file instead of comparing with it")

// curves are two adapters whose figures can be checked by hand: one done, one killed and under way.
func curves(t *testing.T) []series.Curve {
	t.Helper()
	began := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	config := func(r int) series.Config {
		c, err := series.ConfigOf(map[string]any{"max_length": 512, "lora_config": map[string]any{"r": r, "target_modules": []string{"q_proj", "<v>"}}})
		require.NoError(t, err)
		return c
	}
	point := func(step int64, values ...series.Value) series.Point { return series.Point{Step: step, Values: values} }
	value := func(key string, number float64) series.Value { return series.Value{Key: key, Number: number} }
	return []series.Curve{
		{
			Run: series.Run{Adapter: "doctor", Started: began, Config: config(16), Attempts: []series.Attempt{
				{Started: began, Ended: began.Add(90 * time.Second), LastStep: 40, Done: true},
			}},
			Points: []series.Point{
				point(10, value(series.TrainLoss, 3), value(series.TrainTokens, 1800)),
				point(20, value(series.TrainLoss, 2), value(series.TrainTokens, 1900), value(series.EvalLoss, 2.5)),
				point(30, value(series.TrainLoss, 1.5), value(series.TrainTokens, 1850)),
				point(40, value(series.TrainLoss, 1), value(series.TrainTokens, 1850), value(series.EvalLoss, 2.75)),
			},
		},
		{
			Run: series.Run{Adapter: "a <patient> & co", Started: began.Add(time.Hour), Config: config(8), Attempts: []series.Attempt{
				{Started: began}, {Started: began, ResumedFrom: 20},
			}},
			Points: []series.Point{point(10, value(series.TrainLoss, 2.75)), point(20, value(series.TrainLoss, 1.25))},
		},
	}
}

func TestPageOfARun(t *testing.T) {
	got, err := Page("demo-1", curves(t))
	require.NoError(t, err)
	page := strings.Replace(string(got), style, "", 1) // a golden file is for what is said, not for how it looks
	const path = "testdata/page.golden"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(page), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "go test -run %s -update writes it", t.Name())
	require.Equal(t, string(want), page)
}

func TestPageNeedsNothingButItself(t *testing.T) {
	got, err := Page("demo-1", curves(t))
	require.NoError(t, err)
	for _, outside := range []string{"http:", "https:", "<script", "@import", "url(", "src=", "<link"} {
		require.NotContains(t, string(got), outside)
	}
	require.NotContains(t, string(got), "ZgotmplZ", "the template refused a value")
}

func TestEveryDrawingIsWellFormed(t *testing.T) {
	got, err := Page("demo-1", curves(t))
	require.NoError(t, err)
	requireWellFormed(t, string(got), 2+3, "a swatch for each adapter; loss, held-out loss and speed")
}

// requireWellFormed reads so many drawings of a page as XML.
func requireWellFormed(t *testing.T, page string, count int, what string) {
	t.Helper()
	drawings := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1)
	require.Len(t, drawings, count, what)
	for _, drawing := range drawings {
		decoder := xml.NewDecoder(strings.NewReader(drawing))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else {
				require.NoError(t, err, drawing)
			}
		}
	}
}

func TestPageOfNothingSaysSo(t *testing.T) {
	got, err := Page("demo-1", nil)
	require.NoError(t, err)
	require.Contains(t, string(got), "No adapter of this run was trained on this machine.")
}

func TestAxesEndAtRoundNumbers(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		zero      bool
		ticks     []float64
	}{
		{1.42, 2.9, false, []float64{1, 1.5, 2, 2.5, 3}},
		{0.4, 2, true, []float64{0, 0.5, 1, 1.5, 2}},
		{0, 0.0002, true, []float64{0, 0.00005, 0.0001, 0.00015, 0.0002}},
		{5, 5, false, []float64{4.5, 4.75, 5, 5.25, 5.5}},
		{700, 830, true, []float64{0, 250, 500, 750, 1000}},
		{0, 0, true, nil},
	} {
		from, to, ticks := span(c.low, c.high, c.zero)
		require.LessOrEqual(t, from, c.low)
		require.GreaterOrEqual(t, to, c.high)
		require.Less(t, from, to)
		if c.ticks != nil {
			require.InDeltaSlice(t, c.ticks, ticks, 1e-12, "%v to %v", c.low, c.high)
		}
	}
	require.Equal(t, []int64{0, 1, 2, 3}, stepTicks(3))
	require.Equal(t, []int64{0, 100, 200, 300, 400}, stepTicks(480))
}

func TestNumbersHaveFourDigits(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1.60349: "1.603", 0.00015: "0.00015", 820.94: "820.9", 2219.4: "2,219", 1234567: "1,234,567", -1500: "-1,500", 2: "2",
		1e-9: "1e-09", 0.05: "0.05", 99.996: "100",
	} {
		require.Equal(t, want, number(v))
	}
}

func TestThinnedLineKeepsItsPeak(t *testing.T) {
	var dots []dot
	for i := range 1000 {
		dots = append(dots, dot{X: float64(i), Y: math.Sin(float64(i) / 100)})
	}
	dots[617].Y = 50
	kept := thin(dots, 100)
	require.Len(t, kept, 100)
	require.Equal(t, dots[0], kept[0])
	require.Equal(t, dots[999], kept[99])
	require.Contains(t, kept, dots[617])
	for i := 1; i < len(kept); i++ {
		require.Greater(t, kept[i].X, kept[i-1].X)
	}
	require.Equal(t, dots[:50], thin(dots[:50], 100))
}

func TestNamesOfLinesDoNotCoverEachOther(t *testing.T) {
	c := chart{plot: plot{Floor: 200}, Lines: []line{{EndAt: 195, NameAt: 195}, {EndAt: 50, NameAt: 50}, {EndAt: 196, NameAt: 196}, {EndAt: 55, NameAt: 55}}}
	c.spread()
	require.InDelta(t, 185, c.Lines[0].NameAt, 1e-9)
	require.InDelta(t, 50, c.Lines[1].NameAt, 1e-9)
	require.InDelta(t, 200, c.Lines[2].NameAt, 1e-9)
	require.InDelta(t, 65, c.Lines[3].NameAt, 1e-9)
}
