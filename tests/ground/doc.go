// Package ground makes the rows that benchmarks and proofs train on, with the commands that a user would type, and waits for what
// can only be asked for.
package ground
