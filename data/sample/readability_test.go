package sample

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"elara/spec"
)

// grade is the Flesch-Kincaid grade of a text: years at school in the United States that it takes to read it.
func grade(text string) float64 {
	sentences, words, syllables := 0, 0, 0
	for _, word := range strings.Fields(text) {
		if strings.ContainsAny(word[len(word)-1:], ".?!") {
			sentences++
		}
		if n := syllablesIn(word); n > 0 {
			words++
			syllables += n
		}
	}
	return 0.39*float64(words)/float64(max(sentences, 1)) + 11.8*float64(syllables)/float64(max(words, 1)) - 15.59
}

// syllablesIn counts groups of vowels, without a silent e at the end.
func syllablesIn(word string) int {
	word = strings.ToLower(strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) }))
	if word == "" {
		return 0
	}
	count, isAfterVowel := 0, false
	for _, r := range word {
		isVowel := strings.ContainsRune("aeiouy", r)
		if isVowel && !isAfterVowel {
			count++
		}
		isAfterVowel = isVowel
	}
	isSilent := strings.HasSuffix(word, "e") && !strings.HasSuffix(word, "le") || strings.HasSuffix(word, "es") && !strings.HasSuffix(word, "ses") || strings.HasSuffix(word, "ed") && !strings.HasSuffix(word, "ted") && !strings.HasSuffix(word, "ded")
	if isSilent && count > 1 {
		count--
	}
	return max(count, 1)
}

// Syllables counted by hand.
func TestSyllablesAreCountedAsSpoken(t *testing.T) {
	for word, expected := range map[string]int{
		"call": 1, "breathe": 1, "pain,": 1, "people": 2, "doctor": 2, "swelled": 1, "wanted": 2, "emergency": 4,
		"anticoagulation": 6, // spoken 7: o and a touch
		"(1:1000)":        0,
	} {
		require.Equal(t, expected, syllablesIn(word), word)
	}
}

func TestGradeFollowsTheFormula(t *testing.T) {
	// 8 words, 2 sentences, 9 syllables: 0.39 x 8/2 + 11.8 x 9/8 - 15.59.
	require.InDelta(t, -0.755, grade("Call the doctor now. Sit down and rest."), 1e-9)
	// 6 words, 1 sentence, 21 syllables: 0.39 x 6 + 11.8 x 21/6 - 15.59.
	require.InDelta(t, 28.05, grade("Emergency physicians stabilise unresponsive patients immediately."), 1e-9)
}

func TestPatientsGetPlainWordsAndDoctorsTechnicalOnes(t *testing.T) {
	all, err := Facts()
	require.NoError(t, err)
	rows, err := questionRows(all, 1)
	require.NoError(t, err)
	sums, counts := map[spec.Audience]float64{}, map[spec.Audience]int{}
	for _, r := range rows {
		years := grade(r.answer)
		sums[r.audience] += years
		counts[r.audience]++
		if r.audience == spec.Patient || r.audience == spec.Emergency {
			require.LessOrEqual(t, years, 11.0, r.answer)
		}
	}
	mean := func(audience spec.Audience) float64 { return sums[audience] / float64(counts[audience]) }
	t.Logf("mean grade: patient %.1f, emergency %.1f, general %.1f, doctor %.1f",
		mean(spec.Patient), mean(spec.Emergency), mean(spec.General), mean(spec.Doctor))
	require.LessOrEqual(t, mean(spec.Patient), 9.0)
	require.LessOrEqual(t, mean(spec.Emergency), 9.0)
	require.Greater(t, mean(spec.Doctor), mean(spec.Patient)+4)
}
