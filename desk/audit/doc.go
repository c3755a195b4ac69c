// Package audit keeps who did what at the desk: lines of JSON that are only ever added, each on the disk before it counts.
//
// It promises that a line is synced when Write returns, and that the writers of several processes do not mix their lines.
// It refuses to open a file that it cannot add to. A line names people, digests and outcomes; what it says of a candidate or
// a pair is its digest: no text of a pair, of an answer or of a reviewer's reason is in it.
//
//	log, err := audit.Open("desk/audit.jsonl")
//	err = log.Write(audit.Entry{What: audit.Judge, Who: "Person A", Outcome: audit.Asked})
package audit
