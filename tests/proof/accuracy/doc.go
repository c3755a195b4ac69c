// Command accuracy measures on the sealed part of the project's labelled answers how well the accuracy score tells good
// answers from corrupted ones (another dose, drug, route, frequency, condition; negated; red flag dropped). It runs on
// Go alone.
package main
