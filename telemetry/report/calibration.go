package report

import (
	_ "embed"
	"fmt"

	"elara/spec"
)

//go:embed reward.html
var rewardTemplate string

// calibration is the plot of a reward model's own probabilities against what people preferred.
type calibration struct {
	plot
	Diagonal string // where what was predicted is what was observed
	Bands    []calibrated
}

// calibrated is a band with pairs in it.
type calibrated struct {
	Pairs        int64
	Middle       float64 // x of the band's middle
	X, Y         float64
	High, Low    float64 // y of the ends of the interval
	Says         string
	Range        string // of predicted probabilities
	Mean, Chosen string // what was predicted, and what was observed with its interval
}

func calibrationOf(bands []spec.Band) calibration {
	c := calibration{plot: newPlot()}
	across := c.across(0.5, 1, []float64{0.5, 0.6, 0.7, 0.8, 0.9, 1})
	up := c.up(0, 1, []float64{0, 0.25, 0.5, 0.75, 1})
	c.Diagonal = fmt.Sprintf("M%.1f %.1fL%.1f %.1f", across.at(0.5), up.at(0.5), across.at(1), up.at(1))
	for _, b := range bands {
		if b.Pairs == 0 {
			continue
		}
		shown := calibrated{
			Pairs: b.Pairs, Middle: across.at((b.From + b.To) / 2), X: across.at(b.Predicted), Y: up.at(b.Observed.Value),
			High: up.at(b.Observed.High), Low: up.at(b.Observed.Low),
			Range: number(b.From) + " to " + number(b.To), Mean: number(b.Predicted), Chosen: estimate(b.Observed),
		}
		shown.Says = fmt.Sprintf("predicted %s, observed %s in %d pairs", shown.Mean, shown.Chosen, b.Pairs)
		c.Bands = append(c.Bands, shown)
	}
	return c
}

// RewardPage draws what a reward model is worth: how often it is right about held-out pairs, and how well it knows when.
func RewardPage(title string, r spec.RewardReport) ([]byte, error) {
	document := struct {
		Title string
		spec.RewardReport
		Plot calibration
	}{Title: title, RewardReport: r}
	if r.HeldOut != nil {
		document.Plot = calibrationOf(r.HeldOut.Calibration)
	}
	return html("report of "+title, rewardTemplate, document)
}
