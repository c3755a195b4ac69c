// Package tone measures how an answer speaks: readability by two formulas, the shares of jargon, of words to the reader,
// of empathy, blame, alarm, certainty and hedging, and how well that fits an audience.
//
// It promises scores that can be worked out by hand: each is a count over a count, each audience has a table of targets
// (targets.csv) and a table of points (points.csv). Readability of fewer than 100 words is not given.
//
// It refuses an unknown audience.
//
//	speaker, err := tone.Load()
//	reading := speaker.Read("Call an ambulance now. Do not give food.")
//	fmt.Println(speaker.Suits(reading).Audience) // emergency
package tone
