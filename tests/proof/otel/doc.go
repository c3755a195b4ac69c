// Command otel proves that one trace leads from `elara run` down to every training step: the tiny demo runs with the
// binaries of make build, a real Temporal server and a real OTLP receiver. It also looks for the trace in the worker's
// log and for the step's histogram, with a bucket of hours, on /metrics. Its last line is the proof's.
package main
