//go:build torch

package nn

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// sequence gives the tokens that a prediction follows, by walking up the tree from its row of the stream.
func sequence(p *Pass, row int64) []int64 {
	segment := 0
	for p.Offsets[segment+1] <= row {
		segment++
	}
	tokens := p.Tokens[p.Offsets[segment] : row+1]
	for up := p.Parents[segment]; up >= 0; up = p.Parents[up] {
		tokens = append(append([]int64{}, p.Tokens[p.Offsets[up]:p.Offsets[up+1]]...), tokens...)
	}
	return tokens
}

type prediction struct {
	after  string
	target int64
}

// predictions adds up the weight of each (beginning, next token).
func predictions(p *Pass) map[prediction]float32 {
	all := map[prediction]float32{}
	for i, at := range p.At {
		tokens := sequence(p, at)
		key := ""
		for _, id := range tokens {
			key += string(rune('a' + id))
		}
		all[prediction{key, p.Targets[i]}] += p.Weights[i]
	}
	return all
}

func text(s string) []int32 {
	ids := make([]int32, len(s))
	for i, c := range s {
		ids[i] = c - 'a'
	}
	return ids
}

func TestPackSharesBeginningsAndKeepsEveryPrediction(t *testing.T) {
	rows := Rows([][]int32{text("abcdefg"), text("xyz"), text("abcdexy"), text("abcq"), text("abcdexz"), text("abc"), text("xyz")})
	alone, shared := Pack(rows, 0), Pack(rows, 2)
	require.Equal(t, predictions(alone), predictions(shared))
	require.Len(t, alone.Tokens, 7+3+7+4+7+3+3)
	// abc | de | fg | x | y | z | q | xyz: 3 rows go on from "de", two of which share a single token, which is too short.
	require.Len(t, shared.Tokens, 3+2+2+2+2+1+3)
	require.Equal(t, []int64{-1, 0, 1, 1, 1, 0, -1}, shared.Parents)
	require.Equal(t, []int64{0, 1, 2, 3, 4, 5, 6, 5, 6, 5, 6, 3, 0, 1, 2}, shared.Positions)
}

// What is laid down once must still be found by each row: where it ends, and what it predicts.
func TestPackKnowsTheRowsOfWhatItLaysDown(t *testing.T) {
	rows := Rows([][]int32{text("abcdefg"), text("xyz"), text("abcdexy"), text("abcq"), text("abc"), text("xyz")})
	for _, least := range []int{0, 2} {
		p := Pack(rows, least)
		got := make([]int, len(rows))
		for i, of := range p.Of {
			require.Len(t, of, int(p.Weights[i]))
			for _, n := range of {
				got[n]++
			}
		}
		for n, row := range rows {
			require.Equal(t, len(row.Tokens)-1, got[n], "predictions of row %d", n)
			whole := sequence(p, p.Last[n])
			require.Len(t, whole, len(row.Tokens))
			for i, id := range row.Tokens {
				require.Equal(t, int64(id), whole[i])
			}
		}
	}
	first, second := Pack(rows[:2], 2), Pack(rows[2:], 2)
	joined := Join([]*Pass{first, second}, []int{0, 1})
	require.Equal(t, int64(len(first.Tokens))+second.Last[0], joined.Last[2])
	require.Equal(t, []int{second.Of[0][0] + 2}, joined.Of[len(first.Of)][:1])
}

func TestPackSharesNothingBelowTheLeast(t *testing.T) {
	rows := Rows([][]int32{text("abcdefg"), text("abcxyz")})
	require.Equal(t, Pack(rows, 0), Pack(rows, 4))
	require.Len(t, Pack(rows, 3).Parents, 3)
}

func TestPackCountsSupervisedTokensOnly(t *testing.T) {
	mask := func(row, supervised string) Row {
		r := Row{Tokens: text(row), Supervised: make([]bool, len(row))}
		for i, c := range supervised {
			r.Supervised[i] = c == '1'
		}
		return r
	}
	// The first token is never predicted; the rows supervise different parts of what they share.
	rows := []Row{mask("abcde", "10011"), mask("abcdf", "00111")}
	p := Pack(rows, 2)
	require.Equal(t, predictions(Pack(rows, 0)), predictions(p))
	require.Equal(t, map[prediction]float32{{"ab", 2}: 1, {"abc", 3}: 2, {"abcd", 4}: 1, {"abcd", 5}: 1}, predictions(p))
}

func TestJoinKeepsStreamsApart(t *testing.T) {
	first, second := Pack(Rows([][]int32{text("abcd"), text("abxy")}), 2), Pack(Rows([][]int32{text("abcd"), text("abuv")}), 2)
	first.Key, second.Key = 5, 6
	p := Join([]*Pass{first, second}, []int{0, 3})
	require.Equal(t, []int64{-1, 0, 0, -1, 3, 3}, p.Parents)
	require.Equal(t, []Span{{Adapter: 0, Begin: 0, End: 6, Key: 5}, {Adapter: 3, Begin: 6, End: 12, Key: 6}}, p.Spans)
	want := predictions(first)
	for key, weight := range predictions(second) {
		want[key] += weight
	}
	require.Equal(t, want, predictions(p))
}
