package memory

// LongestRun is the largest number of tokens in a row that a model takes as the most probable ones, each given all tokens before
// it. Greedy decoding that is given the row's beginning up to a run writes the run, for then it stands before the same tokens:
// one pass over a row tells this for every beginning of it.
func LongestRun(isTop []bool) int {
	longest, run := 0, 0
	for _, top := range isTop {
		if run++; !top {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}
