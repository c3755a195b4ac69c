package desk

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var colour = regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`)

// luminance is WCAG 2.2's relative luminance of an sRGB colour.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		channel, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		require.NoError(t, err)
		c := float64(channel) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	light, dark := luminance(t, a), luminance(t, b)
	return (max(light, dark) + 0.05) / (min(light, dark) + 0.05)
}

func TestColoursHaveTheContrastOfWCAG(t *testing.T) {
	require.InDelta(t, 21, contrast(t, "000000", "ffffff"), 1e-9)
	require.InDelta(t, 4.48, contrast(t, "777777", "ffffff"), 0.005) // the well-known grey that just fails

	sheet, err := assets.ReadFile("assets/desk.css")
	require.NoError(t, err)
	light, dark, found := strings.Cut(string(sheet), "@media (prefers-color-scheme: dark)")
	require.True(t, found)
	for name, part := range map[string]string{"light": light, "dark": dark} {
		at := map[string]string{}
		for _, match := range colour.FindAllStringSubmatch(part, -1) {
			at[match[1]] = match[2]
		}
		for _, ground := range []string{"ground", "raised"} {
			for _, text := range []string{"text", "note", "link", "refused", "told"} {
				require.GreaterOrEqual(t, contrast(t, at[text], at[ground]), 4.5, "%s: %s on %s", name, text, ground)
			}
			for _, edge := range []string{"edge", "focus", "action"} {
				require.GreaterOrEqual(t, contrast(t, at[edge], at[ground]), 3.0, "%s: %s on %s", name, edge, ground)
			}
		}
		require.GreaterOrEqual(t, contrast(t, at["on-action"], at["action"]), 4.5, name)
	}
}
