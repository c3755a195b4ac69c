// Command bench trains the same rows with Elara and with Python, side by side on this machine, and writes what it found to
// build/bench.json and as a table. `make bench` runs it.
//
// Systems take turns in every round, so that whatever else the machine does meets all of them. A system that trained
// something else would show in its held-out loss, which stands beside every figure.
package main
