//go:build torch

package recipes

import "elara/engine/nn"

// passes lays the micro-batches of one step together, as long as a pass holds no more tokens than a micro-batch of rows of full
// length would: that is what the user has set memory aside for. Rows are mostly shorter. Together more of them share their
// beginnings, and products are larger. Loss and gradients stay those of the step, for its denominator is counted over all of it.
//
// A step that runs again for want of memory comes in smaller micro-batches, and its passes shrink with them. A length of 0, which
// cuts no row, lays nothing together.
func passes(batches [][]nn.Row, length int) [][]nn.Row {
	if len(batches) == 0 || length == 0 {
		return batches
	}
	limit := len(batches[0]) * length
	var laid [][]nn.Row
	room := 0
	for _, batch := range batches {
		tokens := 0
		for _, row := range batch {
			tokens += len(row.Tokens)
		}
		if tokens > room {
			laid, room = append(laid, nil), limit
		}
		last := len(laid) - 1
		laid[last], room = append(laid[last], batch...), room-tokens
	}
	return laid
}
