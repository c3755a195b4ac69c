// Command approval-month proves that an approval may come late, and after everything has died. The clock of Temporal's test
// environment skips a month in which nothing runs. Then a run on what `elara up` starts waits for its decision while worker,
// server and the stack with its S3 gateway are killed with -9, one after another; it must hold no activity meanwhile, and go
// on to its release when it is approved. Its last line is the proof's.
package main
