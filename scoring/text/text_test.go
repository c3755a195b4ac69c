package text_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/sample"
	"elara/scoring/text"
	"elara/spec/fault"
)

func words(d *text.Doc) []string {
	var all []string
	for _, w := range d.Words {
		all = append(all, w.Lower)
	}
	return all
}

func TestWordsKeepNumbersAndPartUnits(t *testing.T) {
	d := text.Parse("Take 2.5 mg (or 500mg), 1,000 ml of 0.9% saline; don’t go to A&E for B12.")
	require.Equal(t, []string{"take", "2.5", "mg", "or", "500", "mg", "1,000", "ml", "of", "0.9", "%", "saline", "don't", "go", "to", "a&e", "for", "b12"}, words(d))
	require.Equal(t, "500mg", d.Quote(4, 5))
}

func TestSentencesEndAtStopsAndNotAtAbbreviations(t *testing.T) {
	d := text.Parse("Dr. Hale gave 0.5 mg, e.g. at night. It helped! Did it?\nYes")
	require.Equal(t, 4, d.Sentences())
	first, last := d.Sentence(1)
	require.Equal(t, "It helped", d.Quote(first, last))
}

func TestNegationHoldsInItsScopeOnly(t *testing.T) {
	for content, want := range map[string]map[string]bool{
		"No chest pain, fever or rash.":                         {"pain": true, "fever": true, "rash": true},
		"No chest pain, but my arm hurts.":                      {"pain": true, "arm": false},
		"I don't have fever and I feel well.":                   {"fever": true, "well": false},
		"Aspirin is not safe for you, take paracetamol.":        {"aspirin": true, "paracetamol": false},
		"Avoid amoxicillin and other penicillins. Use azithro.": {"amoxicillin": true, "penicillins": true, "azithro": false},
		"Warfarin is contraindicated; give heparin.":            {"warfarin": true, "heparin": false},
		"Not only fever":                                                {"fever": false},
		"Use paracetamol instead of ibuprofen.":                         {"paracetamol": false, "ibuprofen": true},
		"There is no need to call an ambulance.":                        {"ambulance": true},
		"Never wait. Call an ambulance.":                                {"ambulance": false},
		"Do not stop warfarin unless your doctor tells you to.":         {"warfarin": true, "doctor": false},
		"Isotretinoin must not be used in pregnancy.":                   {"isotretinoin": true},
		"A rash that does not fade under a glass points to meningitis.": {"fade": true, "meningitis": false},
		"There is no fever, the skin is cold and his lips blue.":        {"fever": true, "skin": false, "blue": false},
	} {
		d := text.Parse(content)
		for i, w := range d.Words {
			if negated, isAsked := want[w.Lower]; isAsked {
				require.Equal(t, negated, d.Negated(i, i), "%q in %q", w.Lower, content)
			}
		}
	}
}

func TestPastIsToldByYearsAndWords(t *testing.T) {
	for content, want := range map[string]bool{
		"I had a stroke in 2010.":                     true,
		"Years ago I had an anaphylactic reaction.":   true,
		"I had meningitis as a child.":                true,
		"As a student I feel terrible.":               false,
		"I had a stroke in 2010 and now my arm hurts": false,
		"I have had pain since 3 days.":               false,
		"Now I have pain and had a stroke in 2010.":   false,
		"I tried it when I was nineteen.":             true,
	} {
		require.Equal(t, want, text.Parse(content).Past(1), content)
	}
}

func TestSlipsAreOneLetterAndTwoInLongWords(t *testing.T) {
	for written, wanted := range map[string]string{
		"sweling": "swelling", "pregnent": "pregnant", "penicilin": "penicillin", "thyrod": "thyroid", "paracetmol": "paracetamol",
		"phenoxymethylpeniciliin": "phenoxymethylpenicillin", "anaphlaxsis": "anaphylaxis", "strok": "stroke",
	} {
		require.True(t, text.IsSlip(written, wanted), written)
	}
	for written, wanted := range map[string]string{
		"pan": "pain", "rain": "brain", "turning": "burning", "from": "form", "hypertension": "hypotension", "rash": "rashes", "shaking": "sharper", "stoke": "stroke",
	} {
		require.False(t, text.IsSlip(written, wanted), written)
	}
}

// The list of right words is that of the facts; a word added there and missing here would be taken for a slip.
func TestEveryWordOfTheFactsIsRight(t *testing.T) {
	conditions, err := sample.Facts()
	require.NoError(t, err)
	for _, c := range conditions {
		for _, w := range text.Parse(c.What + " " + c.Treatment + " " + c.Management).Words {
			if len(w.Lower) > 4 && !strings.ContainsAny(w.Lower, "0123456789.'&,") {
				require.False(t, text.IsSlip(w.Lower, w.Lower), w.Lower)
			}
		}
	}
}

func TestLexiconFindsPatternsWithGapsEndingsAndSlips(t *testing.T) {
	lexicon, err := text.ParseLexicon("signs.txt", "# signs\n@hurt: pain|ache*\nchest-pain: chest ..3 @hurt|tight*; breastbone\n  ; pressure behind\nsuicide: !suicide\n")
	require.NoError(t, err)
	require.Equal(t, []string{"chest-pain", "suicide"}, lexicon.Concepts())
	for content, want := range map[string]int{
		"My chest is very tight":             1,
		"The chest has a slow and odd pain":  0, // four words between
		"Pain. In the chest. Pain":           0, // not over the end of a sentence
		"pressure behind the brestbone":      2,
		"suicde":                             0, // exact spelling asked
		"chest pain under the breastbone, I": 2,
	} {
		require.Len(t, lexicon.Find(text.Parse(content)), want, content)
	}
	require.Empty(t, lexicon.FindExact(text.Parse("brestbone")))
}

func TestBadLexiconNamesTheLine(t *testing.T) {
	for content, want := range map[string]string{
		"pain":          `l.txt:1: no colon; expected "concept: pattern; pattern"`,
		"a: @pain":      `l.txt:1: alternatives "@pain"; expected a name given above`,
		"a: x\n\na: y":  `l.txt:3: concept "a" stands on line 1 too; expected each once`,
		"a: Pain":       `l.txt:1: word "Pain"; expected lower-case letters`,
		"a: .. pain":    `l.txt:1: pattern ".. pain" begins with a gap; expected a word`,
		"a: x ..q pain": `l.txt:1: gap "..q"; expected .. or ..N`,
		"# nothing":     `l.txt: no entries; expected at least one`,
		" x":            `l.txt:1: patterns without a concept; expected a line "concept: pattern" first`,
		"a: pain ..":    `l.txt:1: pattern "pain .."; expected words`,
	} {
		_, err := text.ParseLexicon("l.txt", content)
		require.EqualError(t, err, want)
		require.True(t, fault.Is(err, fault.Invalid))
	}
}
