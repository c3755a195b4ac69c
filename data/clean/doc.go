// Package clean is the guide's data cleaning, row by row and without pandas: runs of white space become one
// blank, rows that repeat an earlier one in all columns go, and so do rows whose question or answer is too
// short or too long.
//
// It promises the rows and the text of the guide's pandas code, byte for byte in to_csv's form, with memory
// that grows by some fifty bytes a row, and an entry in the ledger for every row read. It parts from pandas
// where pandas would stop or change data:
//   - a row without question or answer makes the guide's code raise TypeError; here it ends in the bucket
//     missing_question or missing_answer;
//   - a row with a field too many, or bytes that are not UTF-8, makes read_csv raise; one with a field too few
//     is filled up, and quotes in odd places are taken as they come; here each ends in a bad_row bucket;
//   - read_csv turns columns of figures into numbers and to_csv writes them in another form (007 as 7, and 1 as
//     1.0 beside a missing value); here values stay as they were written, and are compared so.
//
// It refuses limits that no row can meet, and an output that is one of the inputs.
//
//	counts, err := clean.File(ctx, "raw.csv", "cleaned.csv", "ledger.jsonl", source.Columns{}, clean.Limits())
package clean
