package sample

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

func TestFactsCoverCommonConditionsOfAllKinds(t *testing.T) {
	all, err := Facts()
	require.NoError(t, err)
	require.Len(t, all, 89)

	byID, systems, urgencies, subjects := map[string]bool{}, map[string]int{}, map[Urgency]int{}, map[Subject]int{}
	for _, condition := range all {
		byID[condition.ID] = true
		systems[condition.System]++
		urgencies[condition.Urgency]++
		subjects[condition.Subject]++
	}
	require.Len(t, systems, 14)
	for system, count := range systems {
		require.LessOrEqual(t, count, 8, "file of %q is too long to review", system)
	}
	require.GreaterOrEqual(t, urgencies[Emergency], 20)
	require.GreaterOrEqual(t, urgencies[Urgent], 15)
	require.GreaterOrEqual(t, urgencies[Routine], 30)
	require.Equal(t, 6, subjects[Child])
	for _, id := range []string{
		"heart-attack", "stroke", "anaphylaxis", "sepsis", "meningitis", "severe-asthma-attack", "diabetic-ketoacidosis",
		"hypoglycaemia", "seizure", "choking", "burn", "head-injury", "heat-stroke", "pulmonary-embolism", "appendicitis",
		"high-blood-pressure", "type-1-diabetes", "type-2-diabetes", "copd", "heart-failure", "chronic-kidney-disease",
		"hypothyroidism", "generalised-anxiety", "depression", "insomnia", "pre-eclampsia", "croup", "low-back-pain", "eczema",
	} {
		require.True(t, byID[id], "no facts on %q", id)
	}
}

func TestEveryConditionNamesItsSources(t *testing.T) {
	all, err := Facts()
	require.NoError(t, err)
	for _, condition := range all {
		for _, source := range condition.Sources {
			require.Regexp(t, `^[A-Z].* (fact sheet|guideline|guidance|recommendation|strategy|report|consensus|standards|statement|classification|trauma|summary)$`,
				source.Organisation, condition.ID)
			require.NotRegexp(t, `https?:|doi|\d{4,}`, source.String(), "%s: sources are named, not numbered", condition.ID)
		}
	}
}

// asFile puts one condition into a folder, after changing its YAML text.
func asFile(t *testing.T, change func(text string) string) fstest.MapFS {
	t.Helper()
	text, err := fs.ReadFile(factFiles, "facts/01-heart.yaml")
	require.NoError(t, err)
	first, _, isCut := strings.Cut(string(text), "\n  - id: stable-angina")
	require.True(t, isCut)
	changed := change(first + "\n")
	require.NotEqual(t, first+"\n", changed, "the change did not take")
	return fstest.MapFS{"heart.yaml": {Data: []byte(changed)}}
}

func TestFaultyFactsAreRefused(t *testing.T) {
	replace := func(from, to string) func(string) string {
		return func(text string) string { return strings.Replace(text, from, to, 1) }
	}
	for name, test := range map[string]struct {
		change   func(string) string
		expected string
	}{
		"unknown key":       {replace("    avoid:", "    avoids:"), `field avoids not found`},
		"missing field":     {replace("    cause: Most", "    # Most"), `condition "heart-attack": cause has 0 characters, expected 40 to 260`},
		"no system":         {replace("system: heart and circulation", "system: ''"), `heart.yaml: expected "system" and at least one entry`},
		"odd id":            {replace("id: heart-attack", "id: Heart attack"), `id "Heart attack", expected lower-case words`},
		"unknown urgency":   {replace("urgency: emergency", "urgency: soon"), `urgency "soon", expected emergency, urgent or routine`},
		"unknown subject":   {replace("subject: self", "subject: pet"), `subject "pet", expected self or child`},
		"too few signs":     {replace("      - cold sweat\n      - feeling sick\n      - sudden great tiredness\n", ""), `signs has 3 entries, expected 4 to 6`},
		"sentence cut off":  {replace("within minutes.", "within minutes"), `expected a capital letter first and a full stop last`},
		"comma in a list":   {replace("- cold sweat", "- cold, wet skin"), `signs "cold, wet skin", expected no punctuation`},
		"double blank":      {replace("- cold sweat", "- 'cold  sweat'"), `signs "cold  sweat", expected single blanks only`},
		"brace":             {replace("- cold sweat", "- 'cold {sweat}'"), `expected no double quotes, brackets or bars`},
		"no number to call": {replace("the local emergency number now", "somebody now"), `action does not name the local emergency number`},
		"one voice":         {replace("      - My father has crushing chest pain and is sweating.\n", ""), `caller has 1 entries, expected 2 to 2`},
		"no source": {func(text string) string {
			before, _, _ := strings.Cut(text, "    sources:")
			return before + "    sources: []\n"
		}, `sources has 0 entries, expected 1 to 3`},
		"two documents": {func(text string) string { return text + "---\na: b\n" }, `heart.yaml: more than one YAML document; expected one`},
		"twice": {func(text string) string {
			_, entry, _ := strings.Cut(text, "conditions:\n")
			return text + entry
		}, `condition "heart-attack" is in heart.yaml too; expected each once`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readFacts(asFile(t, test.change))
			require.ErrorContains(t, err, test.expected)
			require.True(t, fault.Is(err, fault.Invalid))
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestAFewConditionsAreSpreadOverTheTable(t *testing.T) {
	all, err := Facts()
	require.NoError(t, err)
	few, err := spread(all, 3)
	require.NoError(t, err)
	require.Equal(t, []string{all[0].ID, all[29].ID, all[59].ID}, []string{few[0].ID, few[1].ID, few[2].ID}) // 89/3 and 178/3, cut

	every, err := spread(all, 0)
	require.NoError(t, err)
	require.Len(t, every, len(all))

	_, err = spread(all, 90)
	require.EqualError(t, err, "sample data for 90 conditions; expected 1 to 89, or 0 for all")
	_, err = spread(all, -1)
	require.True(t, fault.Is(err, fault.Invalid))
}
