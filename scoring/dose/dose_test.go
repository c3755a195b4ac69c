package dose_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"elara/scoring/dose"
	"elara/scoring/text"
)

func TestQuantitiesComeInOneUnit(t *testing.T) {
	for content, want := range map[string]dose.Quantity{
		"500 mg":         {Kind: dose.Milligram, Low: 500, High: 500, First: 0, Last: 1},
		"0.5g":           {Kind: dose.Milligram, Low: 500, High: 500, First: 0, Last: 1},
		"1,000 mcg":      {Kind: dose.Milligram, Low: 1, High: 1, First: 0, Last: 1},
		"500 mg to 1 g":  {Kind: dose.Milligram, Low: 500, High: 1000, First: 0, Last: 4},
		"15-20 g":        {Kind: dose.Milligram, Low: 15000, High: 20000, First: 0, Last: 2},
		"15 mg/kg":       {Kind: dose.Milligram, Low: 15, High: 15, IsPerKg: true, First: 0, Last: 2},
		"30 ml per kg":   {Kind: dose.Millilitre, Low: 30, High: 30, IsPerKg: true, First: 0, Last: 3},
		"seven days":     {Kind: dose.Hour, Low: 168, High: 168, First: 0, Last: 1},
		"5 %":            {Kind: dose.Percent, Low: 5, High: 5, First: 0, Last: 1},
		"four":           {Kind: dose.Plain, Low: 4, High: 4, First: 0, Last: 0},
		"take 2 to 3 ml": {Kind: dose.Millilitre, Low: 2, High: 3, First: 1, Last: 4},
	} {
		found := dose.Quantities(text.Parse(content))
		require.Len(t, found, 1, content)
		require.Equal(t, want, found[0], content)
	}
}

func TestFrequenciesAreTimesADay(t *testing.T) {
	for content, want := range map[string][2]float64{
		"twice a day": {2, 2}, "three times daily": {3, 3}, "every six hours": {4, 4}, "every 4 to 6 hours": {4, 6}, "bd": {2, 2}, "qds": {4, 4},
		"once a week": {1.0 / 7, 1.0 / 7}, "every morning": {1, 1}, "at bedtime": {1, 1}, "2 to 3 times daily": {2, 3}, "every Monday": {1.0 / 7, 1.0 / 7},
		"in 24 hours": {1, 1}, "a day": {1, 1}, "once a month": {1.0 / 30, 1.0 / 30},
	} {
		found := dose.Frequencies(text.Parse(content))
		require.Len(t, found, 1, content)
		require.InDelta(t, want[0], found[0].LowPerDay, 1e-9, content)
		require.InDelta(t, want[1], found[0].HighPerDay, 1e-9, content)
	}
	require.Empty(t, dose.Frequencies(text.Parse("four tablets for ten days")))
}

func TestRegimensAreSingleAndDailyAmounts(t *testing.T) {
	for content, want := range map[string][2]float64{
		"Take 1 g every 6 hours.":                   {1000, 4000},
		"two 500 mg tablets three times a day":      {1000, 3000},
		"three zopiclone 7.5 mg tablets at bedtime": {22.5, 22.5},
		"two tablets of 500 mg every 4 to 6 hours":  {1000, 4000}, // at the longer interval
		"at most 4 g in 24 hours":                   {0, 4000},
		"8 grams of acetaminophen a day":            {0, 8000},
		"methotrexate 15 mg once a week":            {15, 15.0 / 7},
		"240 mg at once":                            {240, 0},
	} {
		found := dose.Regimens(text.Parse(content))
		require.Len(t, found, 1, content)
		require.InDelta(t, want[0], found[0].SingleMg, 1e-9, content)
		require.InDelta(t, want[1], found[0].DailyMg, 1e-9, content)
		require.Equal(t, content[:2] == "at", found[0].IsCap, content)
	}
	both := dose.Regimens(text.Parse("10 mg twice a day for 7 days, then 5 mg once a day"))
	require.Len(t, both, 2)
	require.InDelta(t, 20, both[0].DailyMg, 1e-9)
	require.InDelta(t, 5, both[1].DailyMg, 1e-9)
	require.Empty(t, dose.Regimens(text.Parse("15 mg/kg")))
}
