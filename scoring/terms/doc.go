// Package terms holds the words of the field: drugs with their classes and maximum doses, conditions, signs, ways of
// giving a medicine, actions. All are text files beside the code, made for review.
//
// It promises that each maximum dose names its public source. The table is for finding gross errors in a model's
// answers; it is no advice on dosing, holds for adults with healthy organs only, and knows no body weight.
// Its rows wait for a check against their sources by a second person.
//
// It refuses a table with a doubled name, a number that is none, or a dose without a source.
//
//	words, err := terms.Load()
//	drug, isKnown := words.Drug("paracetamol") // MaxDailyMg 4000, Source "BNF: paracetamol; ..."
package terms
