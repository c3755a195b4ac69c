package sample

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The numbers are SplitMix64's for the state 0, as its reference implementation in C prints them.
func TestStreamIsSplitMix64(t *testing.T) {
	zero := stream{}
	require.Equal(t, uint64(0xe220a8397b1dcdaf), zero.at(0))
	require.Equal(t, uint64(0x6e789e6aa1b965f4), zero.at(1))
	require.Equal(t, uint64(0x06c45d188009454f), zero.at(2))
}

func TestStreamsForDifferentPurposesDiffer(t *testing.T) {
	seen := map[uint64]string{}
	for _, s := range []struct {
		name string
		stream
	}{
		{"seed 1", newStream(1, "a", "b")},
		{"seed 2", newStream(2, "a", "b")},
		{"other purpose", newStream(1, "a", "c")},
		{"other cut of the same letters", newStream(1, "ab")},
	} {
		require.Empty(t, seen[s.at(0)], s.name)
		seen[s.at(0)] = s.name
	}
	require.Equal(t, newStream(1, "a", "b").at(7), newStream(1, "a", "b").at(7))
}

func TestDrawsBelowALimitCoverItEvenly(t *testing.T) {
	draw, counts := newStream(1, "dice"), [6]int{}
	for place := range 6000 {
		counts[draw.below(place, 6)]++
	}
	for face, count := range counts {
		require.InDelta(t, 1000, count, 150, "face %d", face) // five standard deviations
	}
}

func TestOrderIsAPermutation(t *testing.T) {
	order := newStream(4, "order").order(50)
	seen := map[int]bool{}
	for _, i := range order {
		seen[i] = true
	}
	require.Len(t, seen, 50)
	require.NotEqual(t, order, newStream(5, "order").order(50))
}
