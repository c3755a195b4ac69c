// Package accuracy compares a free answer with a reference: which key facts of the reference it tells (condition, drug,
// dose with unit, route, frequency, duration, sign, action), whether its numbers are the reference's, and how many words
// they share.
//
// It promises that a fact told and denied are different facts, that 0.5 g is 500 mg and twice a day is every 12 hours,
// and that the score says nothing about facts that the reference does not have: it is as good as the reference.
//
// It refuses an empty reference.
//
//	scorer, err := accuracy.Load()
//	score, err := scorer.Score("Give oral amoxicillin 500 mg three times a day.", "Amoxicillin 0.5 g tds by mouth")
//	fmt.Println(score.Value, score.Recall.Missing)
package accuracy
