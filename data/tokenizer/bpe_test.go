package tokenizer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// wordIDs encodes one word, past the pre-tokenizer.
func wordIDs(t *Tokenizer, word string) []int32 {
	w := t.words.idle.take()
	defer t.words.idle.giveBack(w)
	return t.words.appendWord(nil, word, len(word), w)
}

func TestMergesApplyByRankFromTheLeft(t *testing.T) {
	s := &source{
		vocabulary: []vocabularyEntry{{"a", 0}, {"b", 1}, {"aa", 2}, {"aaaa", 3}, {"ab", 4}, {"ba", 5}},
		merges:     mergeList{pairs: [][2]string{{"a", "a"}, {"aa", "aa"}, {"b", "a"}, {"a", "b"}}},
	}
	tokenizer, err := s.build()
	require.NoError(t, err)
	for word, want := range map[string][]int32{
		"aaaaaaa": {3, 2, 0}, // aa aa aa a, then aaaa aa a
		"aba":     {0, 5},    // "ba" has the lower rank
		"abab":    {0, 5, 1}, // a ba b
		"baab":    {1, 2, 1}, // "aa" comes before both
		"c":       nil,       // no token, no unknown token
		"acab":    {2, 1},    // the lost byte leaves its neighbours side by side
	} {
		require.Equal(t, want, wordIDs(tokenizer, word), word)
		require.Equal(t, want, wordIDs(tokenizer, word), "%s again, from the cache", word)
	}
}

func TestUnknownBytesBecomeTheUnknownToken(t *testing.T) {
	for fuse, want := range map[bool][]int32{false: {0, 1, 1, 0, 1}, true: {0, 1, 0, 1}} {
		s := &source{vocabulary: []vocabularyEntry{{"a", 0}, {"?", 1}}, unknown: "?", fuseUnknown: fuse}
		tokenizer, err := s.build()
		require.NoError(t, err)
		require.Equal(t, want, wordIDs(tokenizer, "axyaz"))
	}
}

func TestByteAlphabetSpellsBytesAsGPT2Does(t *testing.T) {
	characters := ByteAlphabet()
	for b, want := range map[byte]rune{0: 'Ā', '\n': 'Ċ', ' ': 'Ġ', '!': '!', 'a': 'a', '~': '~', 0x7f: 'ġ', 0xa0: 'ł', 0xa1: '¡', 0xad: 'Ń', 0xff: 'ÿ'} {
		require.Equal(t, want, characters[b], "byte %#x", b)
	}
}

// The plain way, without a queue: look for the pair of lowest rank, leftmost, merge it, begin again.
func mergeOneByOne(word string, merges [][2]string) []string {
	parts := strings.Split(word, "")
	for {
		best, at := len(merges), none
		for i := 0; i+1 < len(parts); i++ {
			rank := slices.Index(merges, [2]string{parts[i], parts[i+1]})
			if rank >= 0 && rank < best {
				best, at = rank, i
			}
		}
		if at == none {
			return parts
		}
		parts[at] += parts[at+1]
		parts = slices.Delete(parts, at+1, at+2)
	}
}

func TestMergingIsThatOfThePlainWay(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		tokens := []string{"a", "b", "c"}
		var merges [][2]string
		for range 2 + random.IntN(12) {
			p := [2]string{tokens[random.IntN(len(tokens))], tokens[random.IntN(len(tokens))]}
			if slices.Contains(merges, p) || len(p[0]+p[1]) > 8 {
				continue
			}
			merges = append(merges, p)
			if joined := p[0] + p[1]; !slices.Contains(tokens, joined) {
				tokens = append(tokens, joined)
			}
		}
		random.Shuffle(len(merges), func(i, j int) { merges[i], merges[j] = merges[j], merges[i] })
		s := &source{merges: mergeList{pairs: merges}}
		for id, token := range tokens {
			s.vocabulary = append(s.vocabulary, vocabularyEntry{token, int64(id)})
		}
		tokenizer, err := s.build()
		require.NoError(t, err)
		for range 20 {
			var word strings.Builder
			for range 1 + random.IntN(100) {
				word.WriteByte("abc"[random.IntN(3)])
			}
			var got []string
			for _, id := range wordIDs(tokenizer, word.String()) {
				got = append(got, tokens[id])
			}
			require.Equal(t, mergeOneByOne(word.String(), merges), got, fmt.Sprintf("round %d, %s, %v", round, word.String(), merges))
		}
	}
}
