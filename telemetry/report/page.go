package report

import (
	_ "embed"
	"time"

	"elara/spec"
	"elara/telemetry/series"
)

//go:embed page.html
var pageTemplate string

// page is what the template draws.
type page struct {
	Title    string
	Began    string
	Cards    []card
	Charts   []chart
	Samples  []sampleTable
	Settings settings
	Tables   []table
}

// Page draws the curves of a run.
func Page(title string, curves []series.Curve) ([]byte, error) { return pageOf(title, curves).draw() }

// PolicyPage draws one policy: its curves, and its sample answers, which come by rising step. The page has the text of patients.
func PolicyPage(title string, curve series.Curve, samples []spec.PPOSample) ([]byte, error) {
	p := pageOf(title, []series.Curve{curve})
	p.Samples = sampleTables(samples)
	return p.draw()
}

func pageOf(title string, curves []series.Curve) page {
	p := page{Title: title}
	began := time.Time{}
	for i, curve := range curves {
		p.Cards = append(p.Cards, cardOf(curve, i%strokeKinds))
		p.Tables = append(p.Tables, tableOf(curve))
		if began.IsZero() || curve.Run.Started.Before(began) {
			began = curve.Run.Started
		}
	}
	if !began.IsZero() {
		p.Began = began.UTC().Format("2 January 2006, 15:04 UTC")
	}
	add := func(all []quantity) {
		for _, q := range all {
			if c, found := draw(q, curves); found {
				p.Charts = append(p.Charts, c)
			}
		}
	}
	add(losses())
	if c, found := rewardAtKL(curves); found {
		p.Charts = append(p.Charts, c)
	}
	add(ofPolicies())
	add(ofSteps())
	p.Settings = settingsOf(curves)
	return p
}

func (p page) draw() ([]byte, error) {
	return html("report of "+p.Title, pageTemplate, p)
}
