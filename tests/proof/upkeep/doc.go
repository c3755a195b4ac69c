// Command upkeep proves that a schedule keeps adapters current without a step too many, on what `elara up` starts: a real
// Temporal server, the real S3 gateway, and the worker with the engine. A scheduled run trains two adapters and is approved.
// The same again must train no step and end within ten seconds, with its reasons. Then one row of one audience changes: only
// its adapter is trained. Last, the schedule is asked for all starts of a missed week at once: one run must come of it.
// Its last line is the proof's.
package main
