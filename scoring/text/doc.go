// Package text reads answers the way the scorers need them: sentences, clauses and words with their places, what is
// negated, what is past, and patterns of words that bear a slip of the pen.
//
// It promises that everything found can be pointed at: each word and each match has its bytes in the text. It knows no
// medicine; the words of the field come from the lexicons of the packages above.
//
// It refuses lexicon lines that it cannot read, naming file and line.
//
//	doc := text.Parse("No chest pain, but my arm hurts.")
//	for _, m := range lexicon.Find(doc) { fmt.Println(m.Concept, doc.Quote(m.First, m.Last), doc.Negated(m.First, m.Last)) }
package text
