// Package split decides where a cleaned row goes: to which adapters, and there to training or to the held-out
// rows that the adapter is measured on.
//
// Every decision is a function of the row and the configuration alone: not of the rows beside it, nor of
// their order. So a row stays on its side when data is added, and rows that ask the same question are never on
// both sides.
//
// It refuses a share that is no percentage and a pattern that is no regular expression.
//
//	sides, err := split.New(42, 10)
//	choice, err := split.Compile(spec.Patient, []string{`(?i)child`}, 500, 42)
//	for row, err := range choice.Rows(cleaned) {
//		if sides.IsHeldOut(row) { ... }
//	}
package split
