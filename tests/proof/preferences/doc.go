// Command preferences proves that no judgement is lost and none is counted twice: ten reviewers judge a hundred pairs at
// once, in a collection on what `elara up` starts, a real Temporal server, the real S3 gateway and the worker, while the
// worker, the server and the whole stack are killed with SIGKILL. What each reviewer was answered is then compared with what
// the collection's result holds. Its last line is the proof's.
package main
