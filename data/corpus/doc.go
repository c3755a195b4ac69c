// Package corpus reads the documents of a continued pre-training: running text, as the text loader of Hugging Face's
// datasets reads it (a line, a paragraph or a file is a document), and JSONL of {"text": ...}.
//
// It promises documents in the order of the files and of their lines, each with its place, and the same side of the
// held-out split for the same text whatever stands around it. It refuses what is not UTF-8 text, naming file and line, and
// a path without any document.
//
// What holds nothing but blanks is no document, while datasets makes an empty row of it; Reader counts them.
//
//	files, err := corpus.Resolve("corpus/*.txt")
//	r := corpus.Reader{By: spec.ByLine}
//	for document, err := range r.Documents(ctx, files) {
//	    …
//	}
package corpus
