package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
)

//go:embed parts.html
var parts string

//go:embed style.css
var style string

// html fills a template, which gives its "title" to the shared "head"; what names the document in an error.
func html(what, text string, document any) ([]byte, error) {
	drawn := template.New("document").Funcs(template.FuncMap{
		"style": func() template.CSS { return template.CSS(style) },
		"add":   func(a, b float64) float64 { return a + b },
		"pixel": pixel, "number": number, "percent": percent, "estimate": estimate, "interval": rangeOf,
	})
	for _, source := range []string{parts, text} {
		if _, err := drawn.Parse(source); err != nil {
			return nil, fmt.Errorf("read the template of the %s: %w", what, err)
		}
	}
	var b bytes.Buffer
	if err := drawn.Execute(&b, document); err != nil {
		return nil, fmt.Errorf("draw the %s: %w", what, err)
	}
	return b.Bytes(), nil
}

func pixel(v float64) string { return fmt.Sprintf("%.1f", v) }

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }
