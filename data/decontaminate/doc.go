// Package decontaminate finds rows of an evaluation that stand in the training rows: a model that has learned them by heart
// is not measured by them.
//
// A row is found when its words are those of a training row, whatever their case, punctuation and spacing, or when it shares
// thirteen words in a row with one (Brown et al., arXiv 2005.14165, appendix C). As there, words that stand in a row in more
// than ten training rows are taken for turns of phrase.
//
// It promises that each row that is found names the training row by file and line. It refuses nothing: a text without words
// stands nowhere.
//
//	known := decontaminate.NewIndex()
//	known.Add("train.jsonl", 1, "How is asthma treated? With inhaled steroids.")
//	match, found := known.Find("How is asthma TREATED?  With inhaled steroids")
//	fmt.Println(match, found) // the same words as train.jsonl:1 true
package decontaminate
