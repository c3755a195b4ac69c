package tokenizer

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// plainBPE is byte-pair encoding as it is explained: look for the neighbours of lowest rank, leftmost, join them, begin
// again. No cache, no queue, no table of ids. It is for tokenizers that have a token for each byte.
type plainBPE struct {
	tokenizer *Tokenizer
	ranks     map[[2]string]int
}

func newPlainBPE(t *Tokenizer) plainBPE {
	p := plainBPE{t, make(map[[2]string]int)}
	for rank, pair := range t.merges {
		p.ranks[pair] = rank
	}
	return p
}

func (p plainBPE) encode(word string) []int32 {
	if p.tokenizer.words.whole != nil {
		if id, found := p.tokenizer.words.whole[word]; found {
			return []int32{id}
		}
	}
	var parts []string
	for i := range len(word) {
		if character := string(byteLevel.runes[word[i]]); p.tokenizer.words.byteIDs[word[i]] != none {
			parts = append(parts, character)
		}
	}
	for {
		best, at := len(p.ranks), none
		for i := range len(parts) - 1 {
			if rank, found := p.ranks[[2]string{parts[i], parts[i+1]}]; found && rank < best {
				best, at = rank, i
			}
		}
		if at == none {
			break
		}
		parts[at] += parts[at+1]
		parts = slices.Delete(parts, at+1, at+2)
	}
	var ids []int32
	for _, part := range parts {
		ids = append(ids, p.tokenizer.ids[part])
	}
	return ids
}

// Words on both sides of longestScanned and longestKeyLen, known and new.
func FuzzMergingIsThatOfThePlainWay(f *testing.F) {
	for _, row := range readLines[smallRow](f, "testdata/small/golden.jsonl")[:150] {
		f.Add(row.Text, uint8(len(row.Text)))
	}
	f.Add("a", uint8(255))
	var plain []plainBPE
	for _, name := range []string{"gpt2.json", "llama3.json", "qwen2.json", "digits.json"} {
		plain = append(plain, newPlainBPE(loadSmall(f, name)))
	}
	f.Fuzz(func(t *testing.T, text string, times uint8) {
		word := text
		if len(text) < 64 {
			word = strings.Repeat(text, 1+int(times)%32)
		}
		word = word[:min(len(word), 512)]
		if word == "" {
			return
		}
		for _, p := range plain {
			want := p.encode(word)
			require.Equal(t, want, wordIDs(p.tokenizer, word))
			require.Equal(t, want, wordIDs(p.tokenizer, word), "again, from the cache")
		}
	})
}

func TestPublishedVocabulariesMergeAsThePlainWay(t *testing.T) {
	for _, name := range realVocabularies() {
		t.Run(name, func(t *testing.T) {
			plain := newPlainBPE(loadReal(t, name))
			random := rand.New(rand.NewPCG(3, 4))
			words := strings.SplitAfter(medicalText(1<<15), " ")
			for _, alphabet := range []string{"a", "ACGT", "0123456789", " \n\t", "etaoinshrdlu", "éüß漢字👍"} {
				for range 20 {
					letters := []rune(alphabet)
					word := make([]rune, 1+random.IntN(300))
					for i := range word {
						word[i] = letters[random.IntN(len(letters))]
					}
					words = append(words, string(word))
				}
			}
			for _, word := range words {
				require.Equal(t, plain.encode(word), wordIDs(plain.tokenizer, word), "%q", word)
			}
		})
	}
}

// Places come back by rank, then from the left, whatever the order they were given in and taken out between.
func TestQueueGivesPlacesByRankThenFromTheLeft(t *testing.T) {
	type entry struct{ rank, at int32 }
	order := func(a, b entry) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.at, b.at)) }
	random := rand.New(rand.NewPCG(5, 6))
	var q mergeQueue
	for range 50 {
		q.begin(8)
		var waiting []entry
		for range 400 {
			if random.IntN(5) < 3 {
				e := entry{random.Int32N(8), random.Int32N(1000)}
				waiting = append(waiting, e)
				q.push(e.at, e.rank, candidate{left: e.rank})
				continue
			}
			at, c, found := q.pop()
			require.Equal(t, len(waiting) > 0, found)
			if !found {
				continue
			}
			first := slices.MinFunc(waiting, order)
			require.Equal(t, first, entry{c.left, at})
			i := slices.Index(waiting, first)
			waiting = slices.Delete(waiting, i, i+1)
		}
		for range waiting { // a queue that is not empty begins anew as well
			if random.IntN(2) == 0 {
				break
			}
			q.pop()
		}
	}
}

func TestKeyOfAWordDoesNotDependOnWhatFollows(t *testing.T) {
	seen := make(map[wordKey]string)
	for _, whole := range []string{"abcdefghijklmno", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		for n := 1; n <= longestKeyLen; n++ {
			word := whole[:n]
			key := newWordKey(word, n)
			require.Equal(t, key, newWordKey(word+"z", n))
			require.Equal(t, key, newWordKey(word+strings.Repeat("\xee", 20), n))
			require.NotContains(t, seen, key, "%q", word)
			require.NotZero(t, key)
			seen[key] = word
		}
	}
}

func TestRunOfLettersEndsAtEveryOtherByte(t *testing.T) {
	for b := range 256 {
		c := byte(b)
		isLetter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		for at := range 20 {
			text := strings.Repeat("aZ", at/2+1)[:at] + string([]byte{c}) + "zA"
			want := at
			if isLetter {
				want = len(text)
			}
			require.Equal(t, want, asciiLetters(text, 0), "%q", text)
		}
	}
}

// Spans that are normal are copied; character by character they come out the same.
func TestNormalSpansAreWhatTheirCharactersMake(t *testing.T) {
	pieces := []string{"a", "e\u0301", "\u00e9", " ", "\u0301", "\u0316", "\u1100\u1161\u11a8", "\uac00\u11a8", "\u212b", "\u0958", "漢", "\u08d3",
		"\U00011935\U00011930", "\U0001d15e", "\u09c7\u09be", "\xff", "\xe2\x80", "\u0344", "o\u0302\u0323", "\u2126", "\u00b0", "\u0345", strings.Repeat("\u0301", 40)}
	random := rand.New(rand.NewPCG(7, 8))
	for range 5000 {
		var b strings.Builder
		for range random.IntN(12) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		text := b.String()
		for _, form := range []canonical{{compose: true}, {}} {
			slow, _ := form.appendNormal(nil, text, nil)
			require.Equal(t, string(slow), form.apply(text), "%+q", text)
		}
	}
}

// Words with the same first eight bytes and the same slot: each is known by the whole of its key.
func TestWordsThatShareASlotAreToldApart(t *testing.T) {
	s := &source{merges: mergeList{pairs: [][2]string{{"a", "a"}, {"aa", "aa"}, {"aaaa", "aaaa"}}}}
	for b, r := range byteLevel.runes {
		s.vocabulary = append(s.vocabulary, vocabularyEntry{string(r), int64(b)})
	}
	s.vocabulary = append(s.vocabulary, vocabularyEntry{"aa", 256}, vocabularyEntry{"aaaa", 257}, vocabularyEntry{"aaaaaaaa", 258})
	tokenizer, err := s.build()
	require.NoError(t, err)
	for range 2 { // 65,025 words, twice as many as there are slots
		for x := range int32(256) {
			for y := range int32(256) {
				if x != 'a' && y != 'a' {
					require.Equal(t, []int32{258, x, y}, wordIDs(tokenizer, "aaaaaaaa"+string([]byte{byte(x), byte(y)})))
				}
			}
		}
	}
}

func TestWorkspaceInUseIsNotHandedOutAgain(t *testing.T) {
	var idle workspaces
	first, second := idle.take(), idle.take()
	idle.giveBack(first)
	require.Same(t, first, idle.take())
	require.NotSame(t, first, idle.take())
	for range idleWorkspaces + 1 {
		idle.giveBack(second)
	}
	require.Len(t, idle.all, idleWorkspaces)
}
