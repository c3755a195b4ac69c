package terminal

import "strings"

// UTF8 reports whether a terminal with this environment shows more than ASCII. A locale that is not set says nothing
// against it.
func UTF8(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} { // the first that is set rules
		if locale := getenv(name); locale != "" {
			locale = strings.ToUpper(locale)
			return strings.Contains(locale, "UTF-8") || strings.Contains(locale, "UTF8")
		}
	}
	return true
}

// ASCII gives the signs that this program draws a stand-in each, of the same width, so that columns stay where they are.
func ASCII(text string) string {
	return strings.NewReplacer(
		"━", "#", "╸", ">", "─", "-",
		"▁", "_", "▂", ".", "▃", ":", "▄", "-", "▅", "=", "▆", "+", "▇", "*", "█", "#",
		"✓", "+", "✗", "x", "●", "*", "○", "o", "·", "-", "…", "~",
	).Replace(text)
}
