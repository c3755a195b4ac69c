package preference

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

// testdata/digests.json is written by tests/peer/preferences/trl_files.py: hashlib over json.dumps with sorted keys.
func TestDigestIsThatOfTheCanonicalJSON(t *testing.T) {
	text, err := os.ReadFile("testdata/digests.json")
	require.NoError(t, err)
	var all []struct {
		Pair   Pair
		SHA256 spec.Digest
	}
	require.NoError(t, json.Unmarshal(text, &all))
	require.Len(t, all, 5)
	for _, c := range all {
		require.Equal(t, c.SHA256, c.Pair.Digest())
		c.Pair.ID, c.Pair.Meta = "another", map[string]string{"a": "b"}
		require.Equal(t, c.SHA256, c.Pair.Digest(), "what the maker notes is not what was judged")
		require.NotEqual(t, c.SHA256, c.Pair.Swapped().Digest())
	}
}

func TestPairsComeBackAsTheyWere(t *testing.T) {
	pairs := []Pair{
		{ID: "1", Prompt: Prompt{Text: "Is it <b>urgent</b>?\u2028"}, ResponseA: "Yes & now", ResponseB: "No", Meta: map[string]string{"adapter_a": "1f0c"}},
		{Prompt: Prompt{Messages: []Message{{Role: RoleSystem, Content: "Be brief."}, {Role: RoleUser, Content: "Is it?"}}}, ResponseA: "Yes", ResponseB: "No"},
	}
	var file bytes.Buffer
	require.NoError(t, WritePairs(&file, pairs))
	again, err := ReadPairs("pairs.jsonl", &file)
	require.NoError(t, err)
	require.Equal(t, pairs, again)
}

func TestBadPairsAreRefusedWithTheirPlace(t *testing.T) {
	const sound = `{"prompt":"p","response_a":"a","response_b":"b"}` + "\n"
	for name, c := range map[string]struct{ text, want string }{
		"an empty file":            {"\n", "pairs.jsonl: holds no pair, expected one JSON object a line"},
		"no object":                {sound + "[1]\n", "pairs.jsonl:2: not a JSON object"},
		"half an object":           {sound + `{"prompt":"secret`, "pairs.jsonl:2: not a JSON object"},
		"two objects":              {sound + sound[:len(sound)-1] + sound, "pairs.jsonl:2: expected one JSON object a line, found more"},
		"an unknown key":           {`{"prompt":"p","response_a":"a","response_c":"b"}`, `pairs.jsonl:1: unknown key "response_c"`},
		"a number for a text":      {`{"prompt":"p","response_a":3,"response_b":"b"}`, `pairs.jsonl:1: key "response_a": found a number`},
		"no prompt":                {"\n" + `{"response_a":"a","response_b":"b"}`, "pairs.jsonl:2: prompt is empty"},
		"one answer":               {`{"prompt":"p","response_a":"a","response_b":" "}`, "pairs.jsonl:1: response_b is empty"},
		"the same answer twice":    {`{"prompt":"p","response_a":"a","response_b":"a"}`, "pairs.jsonl:1: response_a and response_b are the same text"},
		"the same pair":            {sound + "\n" + sound, "pairs.jsonl:3: the same pair is on line 1"},
		"the same pair, exchanged": {sound + `{"prompt":"p","response_a":"b","response_b":"a"}`, "pairs.jsonl:2: the same pair is on line 1"},
		"bytes that are no UTF-8":  {sound + "{\"prompt\":\"\xff\"}", "pairs.jsonl:2: invalid UTF-8"},
		"half a surrogate pair":    {`{"prompt":"\ud83d","response_a":"a","response_b":"b"}`, "pairs.jsonl:1: half of a surrogate pair"},
		"an assistant first": {`{"prompt":[{"role":"assistant","content":"c"}],"response_a":"a","response_b":"b"}`,
			"pairs.jsonl:1: prompt: message 1 has role assistant, expected user"},
		"an answer last": {`{"prompt":[{"role":"user","content":"c"},{"role":"assistant","content":"d"}],"response_a":"a","response_b":"b"}`,
			"pairs.jsonl:1: prompt: expected messages that end with role user"},
		"a role nobody knows": {`{"prompt":[{"role":"Person A","content":"c"}],"response_a":"a","response_b":"b"}`,
			"pairs.jsonl:1: prompt: message 1 has role unknown to chat templates"},
		"a silent message": {`{"prompt":[{"role":"user","content":""}],"response_a":"a","response_b":"b"}`, "prompt: message 1 is empty"},
		"a text for a key": {`{"prompt":"p","Person A coughs":"a"}`, "pairs.jsonl:1: unknown key"},
		"no message":       {`{"prompt":[],"response_a":"a","response_b":"b"}`, "prompt: expected messages that end with role user"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadPairs("pairs.jsonl", strings.NewReader(c.text))
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "secret")
			require.NotContains(t, err.Error(), "Person A")
		})
	}
	_, err := ReadPairs("pairs.jsonl", strings.NewReader(`{"prompt":"`+strings.Repeat("a", MaxLineBytes)+`"}`))
	require.ErrorContains(t, err, "pairs.jsonl:1: longer than 16777216 bytes")
}

func TestAReplacementCharacterOfTheirOwnIsNoSurrogate(t *testing.T) {
	_, err := ReadPairs("pairs.jsonl", strings.NewReader(`{"prompt":"p \ufffd \uFFFD","response_a":"a `+"\ufffd"+`","response_b":"b"}`))
	require.NoError(t, err)
}

func TestJudgementsComeBackAsTheyWere(t *testing.T) {
	judged := []Judged{{
		RecordedJudgement: spec.RecordedJudgement{
			Pair: spec.Digest(strings.Repeat("1", 64)), Number: 3, Outcome: spec.PrefersB, First: spec.PrefersA, Reviewer: "Person A",
			Reason: spec.Digest(strings.Repeat("2", 64)), JudgedAt: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC),
		},
		Words: "misses <red flags>",
	}}
	var file bytes.Buffer
	require.NoError(t, WriteJudgements(&file, judged))
	again, err := ReadJudgements("judgements.jsonl", &file)
	require.NoError(t, err)
	require.Equal(t, judged, again)
	_, err = ReadJudgements("judgements.jsonl", strings.NewReader(`{"outcome":"better"}`))
	require.ErrorContains(t, err, `judgements.jsonl:1: outcome "better"`)
}
