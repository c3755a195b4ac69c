// Package sample is the project's own sample data: a table of facts on common conditions, and the texts that
// are rendered from it. They let the demo and the tests run the whole chain without anybody's data.
//
// The facts are YAML files, one for each body system, to be read and corrected by people (facts/). The
// sentences that they are put into are YAML files too (frames/). Write renders both into a folder:
//
//   - qa.csv: questions and answers for each audience, with defects planted in it for cleaning to find;
//   - dialogues.csv: talks between doctor and patient in the same columns, without defects;
//   - guidelines.txt and textbook.txt: running text for professionals;
//   - defects.json: which defects were planted in qa.csv, at which lines, and the buckets of the row ledger
//     in which the guide's cleaning has to put all rows.
//
// It promises the same bytes for the same options, files that are whole or not there, and facts that are
// complete, within their limits of length and with a named source each. It refuses an unknown key in the
// files, an entry that would not fit into a sentence, and more conditions than there are.
//
// The texts are illustrations for software tests and demonstrations. They are no medical advice, nobody has
// approved them for patients, and the people who speak in them are made up.
//
//	summary, err := sample.Write("build/sample", sample.Options{Seed: 1})
//	fmt.Println(summary.Rows, summary.Kept) // 3038 2848
package sample
