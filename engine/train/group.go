package train

import "slices"

// maxGroup is how many batches are sorted by length together at most.
const maxGroup = 50

// GroupedByLength is transformers' group_by_length: the rows are shuffled, cut into groups of up to 50 batches, at least
// four groups where there are enough rows, and sorted by falling length within their group, so that a batch holds rows
// of nearly one length. The longest row comes first, so that a memory that is too small shows at the first step.
//
// transformers shuffles with torch's global generator, whose state depends on all that ran before; here the generator is
// seeded, so that the order is a function of the seed alone.
func GroupedByLength(lengths []int, batch int, seed int64) []int {
	order := Permutation(len(lengths), seed)
	size := batch * max(1, min(len(lengths)/(batch*4), maxGroup))
	longest := 0 // index of the row that begins the group with the longest row
	for begin := 0; begin < len(order); begin += size {
		group := order[begin:min(begin+size, len(order))]
		slices.SortStableFunc(group, func(a, b int) int { return lengths[b] - lengths[a] })
		if lengths[order[begin]] > lengths[order[longest]] {
			longest = begin
		}
	}
	order[0], order[longest] = order[longest], order[0]
	return order
}
