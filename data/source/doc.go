// Package source is the rows' way in and out of files: it finds CSV files, reads their rows with the place
// each came from, reads and writes the {"text": ...} lines that training works on, stores rows between two stages,
// and writes results so that they appear whole or not at all.
//
// It promises that rows are cut exactly where pandas' read_csv cuts them, that a row it cannot read for
// certain is still handed on, marked as bad with its line and the reason, and that memory does not grow with
// the file. An empty field is a missing value: the words that read_csv takes for "missing" arrive as "".
// Values are text and stay as they were written; nothing is turned into a number or a date and back.
//
// It refuses, with an error of kind Invalid that names file, line and what was expected: a missing file, a
// folder without CSV files, an empty file or one with nothing under its header, UTF-16 and compressed files,
// a missing or doubled column, a quote that is never closed, and one that closes on a later line in the middle of
// text: it has taken in rows that nobody can tell apart. No error repeats the text of a row.
//
//	set, err := source.Open(spec.DataSource{Path: "raw.csv", QuestionColumn: "question", AnswerColumn: "answer"})
//	for row, err := range set.Rows(ctx) {
//		fmt.Println(row.ID.Line, row.Bad == nil && row.Question() != "")
//	}
package source
