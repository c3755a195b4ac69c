package terminal

import (
	"slices"
	"strings"
)

// Spark draws a row of numbers as columns of eighths, at most width characters wide: the lowest number is the lowest
// column, the highest the highest. More numbers than characters are averaged in stretches. Fewer than two say nothing of
// a course, and give nothing.
func Spark(numbers []float64, width int) string {
	if len(numbers) < 2 || width < 1 {
		return ""
	}
	columns := stretches(numbers, min(width, len(numbers)))
	low, high := slices.Min(columns), slices.Max(columns)
	eighths := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, number := range columns {
		level := 0
		if high > low {
			level = int((number-low)/(high-low)*float64(len(eighths)-1) + 0.5)
		}
		b.WriteRune(eighths[level])
	}
	return b.String()
}

// stretches cuts numbers into as many parts of nearly the same length and gives the mean of each.
func stretches(numbers []float64, parts int) []float64 {
	means := make([]float64, parts)
	for i := range means {
		part := numbers[i*len(numbers)/parts : (i+1)*len(numbers)/parts]
		for _, number := range part {
			means[i] += number / float64(len(part))
		}
	}
	return means
}
