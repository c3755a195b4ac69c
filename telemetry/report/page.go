package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"time"

	"elara/spec"
	"elara/telemetry/series"
)

//go:embed page.html
var pageTemplate string

//go:embed style.css
var style string

// page is what the template draws.
type page struct {
	Title    string
	Began    string
	Style    template.CSS
	Cards    []card
	Charts   []chart
	Samples  []sampleTable
	Settings settings
	Tables   []table
	Width    float64
	Height   float64
	Left     float64
	Right    float64 // x where the lines end
	Top      float64
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
	p := page{
		Title: title, Style: template.CSS(style),
		Width: chartWidth, Height: chartHeight, Left: left, Right: chartWidth - right, Top: top,
	}
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
	return html("report of "+p.Title, pageTemplate, template.FuncMap{
		"add": func(a, b float64) float64 { return a + b }, "pixel": pixel, "number": number,
	}, p)
}

// html fills a template; what names the document in an error.
func html(what, text string, functions template.FuncMap, document any) ([]byte, error) {
	drawn, err := template.New("document").Funcs(functions).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read the template of the %s: %w", what, err)
	}
	var b bytes.Buffer
	if err := drawn.Execute(&b, document); err != nil {
		return nil, fmt.Errorf("draw the %s: %w", what, err)
	}
	return b.Bytes(), nil
}

func pixel(v float64) string { return fmt.Sprintf("%.1f", v) }
