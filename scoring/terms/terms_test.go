package terms

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/sample"
	"elara/scoring/text"
	"elara/spec/fault"
)

func TestEveryTableIsReadAndEveryDoseNamesItsSource(t *testing.T) {
	words, err := Load()
	require.NoError(t, err)
	withDose := 0
	for _, drug := range words.AllDrugs() {
		if drug.MaxSingleMg+drug.MaxDailyMg > 0 {
			withDose++
			require.Regexp(t, `^(BNF|FDA label|FDA OTC monograph|ESC guideline): `, drug.Source, drug.Name)
		}
	}
	require.GreaterOrEqual(t, withDose, 60)
	paracetamol, isKnown := words.Drug("paracetamol")
	require.True(t, isKnown)
	require.InDelta(t, 4000, paracetamol.MaxDailyMg, 0)
	methotrexate, _ := words.Drug("methotrexate")
	require.True(t, methotrexate.IsWeekly)
	_, isKnown = words.Drug("moonlight")
	require.False(t, isKnown)
}

func TestDrugsAreFoundByAllTheirNames(t *testing.T) {
	words, err := Load()
	require.NoError(t, err)
	for content, want := range map[string]string{
		"acetaminophen": "paracetamol", "Tylenol 500 mg": "paracetamol", "paracetmol": "paracetamol", "penicillin V": "phenoxymethylpenicillin",
		"co-trimoxazole": "co-trimoxazole", "acyclovir": "aciclovir", "ferrous sulphate": "ferrous sulfate", "statin": "",
	} {
		found := words.Drugs.Find(text.Parse(content))
		if want == "" {
			require.Empty(t, found, content)
			continue
		}
		require.Len(t, found, 1, content)
		require.Equal(t, want, found[0].Concept)
	}
}

// The table of conditions must know each condition of the project's own facts by its name and its clinical name.
func TestConditionsOfTheFactsAreKnown(t *testing.T) {
	words, err := Load()
	require.NoError(t, err)
	conditions, err := sample.Facts()
	require.NoError(t, err)
	for _, c := range conditions {
		require.NotEmpty(t, words.Conditions.Find(text.Parse(c.Name)), c.Name)
	}
}

func TestBadDrugTableNamesTheLine(t *testing.T) {
	const head = "name,synonyms,classes,max_single_mg,max_daily_mg,every,pregnancy,source\n"
	for content, want := range map[string]string{
		"name\na\n":                  `d.csv: record on line 1: wrong number of fields`,
		head:                         `d.csv:1: expected the columns name,synonyms,classes,max_single_mg,max_daily_mg,every,pregnancy,source and at least one row`,
		head + "a,,,1,1,,,":          `d.csv:2: a has a maximum dose without a source`,
		head + "a,,,x,1,,,S":         `d.csv:2: max_single_mg "x"; expected a number above 0 or nothing`,
		head + "a,,,,-1,,,S":         `d.csv:2: max_daily_mg "-1"; expected a number above 0 or nothing`,
		head + "a,,,3,1,,,S":         `d.csv:2: a: single dose 3 mg above the daily 1 mg`,
		head + "a,b,,,,,,\nb,,,,,,,": `d.csv:3: "b" stands on line 2 too; expected each name once`,
		head + "a,,,,,month,,":       `d.csv:2: every "month"; expected week or nothing`,
		head + "a,,,,,,maybe,":       `d.csv:2: pregnancy "maybe"; expected avoid or nothing`,
		head + ",,,,,,,":             `d.csv:2: no name; expected one`,
	} {
		_, err := readDrugs("d.csv", content)
		require.EqualError(t, err, want)
		require.True(t, fault.Is(err, fault.Invalid))
	}
}

// A drug's name that is not known as a right word could pass for a slip of another one.
func TestNoDrugIsASlipOfAnything(t *testing.T) {
	words, err := Load()
	require.NoError(t, err)
	for _, drug := range words.AllDrugs() {
		for _, w := range text.Parse(drug.Name).Words {
			require.False(t, text.IsSlip(w.Lower, w.Lower), w.Lower)
		}
	}
}
