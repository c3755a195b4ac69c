// Package ground makes the rows that benchmarks and proofs train on, with the commands that a user would type.
package ground
