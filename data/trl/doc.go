// Package trl reads and writes preferences in the form that TRL's trainers take: prompt, chosen and rejected, as plain
// texts or as chat messages ("conversational"), in JSONL and in Parquet.
//
// Two columns may be there beside: margin, of TRL's RewardTrainer, and tie, which TRL does not know.
//
// Read refuses, with the file and the line (of Parquet: the row, from 1): a missing column, an empty text, chosen equal to
// rejected, messages whose roles are out of order, a mixture of both forms in one row, bytes that are not UTF-8, and a
// file without rows. It tells of columns that it leaves out. Write makes a file appear whole or not at all, and refuses to
// write a chat of several messages as plain text, which only a chat template can do.
//
//	left, err := trl.Read("prefs.parquet", func(line int, row trl.Row) error { ... })
//	err = trl.Write("out.jsonl", trl.Chat, rows)
package trl
