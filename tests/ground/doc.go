// Package ground is what benchmarks and proofs stand on: the rows that they train on, made with the commands that a user would
// type; trainings by a file; the Python peers; a real stack that they run on and kill parts of; and a wait for what can only be asked for.
package ground
