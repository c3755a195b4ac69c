// Command postgres proves that the binaries run on a real cluster by configuration alone: a Temporal server on a real
// PostgreSQL, set up by the scripts and files of deploy/ that docker-compose.yml uses, an S3 server that is not the
// embedded one, and build/elara with build/elara-worker under deploy/production.yaml. Its last line is the proof's.
//
// It needs PostgreSQL's programs (the package postgresql), make build, and once the Go module proxy and the Python
// package index: the Temporal server is built into, and the S3 server unpacked into, the user's cache. The first time
// takes some minutes.
package main
