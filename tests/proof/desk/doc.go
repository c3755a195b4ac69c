// Command desk proves the review pages on what `elara up` starts: a real Temporal server, the real S3 gateway, the worker and
// the desk. A real Chromium signs in, judges with keys, clicks twice, judges while the server and the desk are killed, and
// approves a candidate; every page is looked at by axe-core, light and dark. Then ten reviewers judge a hundred pairs at once over
// HTTP, each judgement sent twice, while worker, server and desk are killed. What each was told is compared with what the
// collections hold. It writes the pictures of docs/desk.md. Its last line is the proof's.
package main
