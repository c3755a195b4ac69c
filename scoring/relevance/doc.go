// Package relevance says whether an answer belongs to its question: by the words and subjects that they share beside
// other questions, and by whether it is an answer at all - not empty, no refusal, no copy of the question.
//
// It promises a score that is relative: what an answer shares with every question counts for nothing. With a model at
// hand, Gain does the same with log-likelihoods.
//
// It refuses nothing; without other questions the score is the plain likeness.
//
//	scorer, err := relevance.Load()
//	score := scorer.Score(question, answer, otherQuestions)
//	fmt.Println(score.Value, score.Rank, score.Fault)
package relevance
