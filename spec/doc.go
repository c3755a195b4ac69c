// Package spec is the vocabulary that the layers share: what identifies a run, how stored things are
// referred to, and for each stage one input and one result. It holds data only: no I/O, no clock, no
// behaviour beyond checking and naming.
//
// These structs travel through Temporal, so every field has a JSON name, nothing is renamed, and nothing
// large is carried: references and small numbers only. No field ever holds text of a row.
package spec
