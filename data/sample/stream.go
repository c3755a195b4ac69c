package sample

import (
	"cmp"
	"hash/fnv"
	"math/bits"
	"slices"
)

// stream is a source of draws that has no state: the number at a place depends on the seed, on what the
// stream is for and on the place alone. A row is therefore the same whatever else is rendered beside it.
type stream struct{ key uint64 }

// newStream derives the stream for a purpose, given as a path of names.
func newStream(seed uint64, purpose ...string) stream {
	hash := fnv.New64a()
	for _, name := range purpose {
		hash.Write([]byte(name))
		hash.Write([]byte{0})
	}
	return stream{key: mix(mix(seed) ^ hash.Sum64())}
}

// at is the number at a place.
func (s stream) at(place int) uint64 {
	const step = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio: SplitMix64's increment
	return mix(s.key + uint64(place+1)*step)
}

// below is a number from 0 to n-1.
func (s stream) below(place, n int) int {
	high, _ := bits.Mul64(s.at(place), uint64(n))
	return int(high)
}

// order is a permutation of 0 to n-1; it takes the places 0 to n-1 of the stream.
func (s stream) order(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.at(a), s.at(b)) })
	return order
}

// mix is the output function of SplitMix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
