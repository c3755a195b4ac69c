// Package labelled reads the items that the measures are measured on: JSON lines of the project's own writing, each
// with the label that a person gave it, cut into a part for development and a sealed one.
//
// It promises that the part of an item follows from its group alone, so that the answers to one question, or a danger
// and its harmless twin, are never on both sides. It refuses unknown keys, empty files, and items in the wrong part.
//
//	items, err := labelled.Read[safety.Item]("scoring/safety/testdata", "safety", labelled.Sealed)
package labelled
