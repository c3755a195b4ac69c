package source_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/source"
	"elara/spec/fault"
)

func textsOf(content string) (texts []source.Text, err error) {
	for text, err := range source.TextsFrom(context.Background(), strings.NewReader(content), "t.jsonl") {
		if err != nil {
			return texts, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

func TestTextsAreReadWithTheirLines(t *testing.T) {
	got, err := textsOf("\ufeff{\"text\": \"a\\n\\u00e9\\ud83d\\ude42 \\\\ud800\\nd800\"}\r\n\n" +
		`{"id": [1, {"text": "inner"}], "text": "", "x": null}` + "\n" +
		`  {"te\u0078t":"last"}  `)
	require.NoError(t, err)
	require.Equal(t, []source.Text{{Line: 1, Text: "a\né🙂 \\ud800\nd800"}, {Line: 3, Text: ""}, {Line: 4, Text: "last"}}, got)
}

func TestLineThatIsNoTextIsRefusedWithItsNumber(t *testing.T) {
	const good = `{"text": "fine"}` + "\n"
	for name, test := range map[string]struct{ line, want string }{
		"cut":              {`{"text": "half a`, `line ends inside the object; expected {"text": "..."} complete`},
		"cut after a key":  {`{"text":`, `line ends inside the object; expected {"text": "..."} complete`},
		"cut before end":   {`{"text": "a"`, `line ends inside the object; expected {"text": "..."} complete`},
		"no JSON":          {`text: fine`, `malformed JSON at byte 2; expected {"text": "..."}`},
		"array":            {`["a"]`, `expected one object {"text": "..."} on the line`},
		"two objects":      {`{"text": "a"} {"text": "b"}`, `malformed JSON at byte 15; expected {"text": "..."}`},
		"no text":          {`{"prompt": "a"}`, `no key "text"; expected {"text": "..."}`},
		"text twice":       {`{"text": "a", "text": "b"}`, `key "text" twice; expected it once`},
		"number":           {`{"text": 5}`, `"text" is not a string; expected {"text": "..."}`},
		"null":             {`{"text": null}`, `"text" is not a string; expected {"text": "..."}`},
		"not UTF-8":        {"{\"text\": \"a\xff\"}", `not UTF-8 at byte 12; expected a UTF-8 file`},
		"high half alone":  {`{"text": "a\ud83d"}`, `half of a surrogate pair (\ud800 to \udfff) in "text"; expected whole characters`},
		"low half alone":   {`{"text": "\uDE42a"}`, `half of a surrogate pair (\ud800 to \udfff) in "text"; expected whole characters`},
		"high half twice":  {`{"text": "\ud83d\ud83d"}`, `half of a surrogate pair (\ud800 to \udfff) in "text"; expected whole characters`},
		"control char":     {"{\"text\": \"a\tb\"}", `malformed JSON at byte 12; expected {"text": "..."}`},
		"nested very deep": {`{"x": ` + strings.Repeat("[", 20000), `malformed JSON at byte 10006; expected {"text": "..."}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := textsOf(good + test.line + "\n")
			require.EqualError(t, err, "t.jsonl:2: "+test.want)
			require.True(t, fault.Is(err, fault.Invalid))
			require.Len(t, got, 1)
		})
	}
	_, err := textsOf("\n \n")
	require.EqualError(t, err, `t.jsonl: no lines; expected one {"text": ...} object a line`)
	_, err = textsOf(good + strings.Repeat("x", source.MaxLineBytes+1))
	require.EqualError(t, err, "t.jsonl:2: line is longer than 64 MiB; expected a shorter one")
	for _, err := range source.Texts(context.Background(), "none.jsonl") {
		require.EqualError(t, err, "none.jsonl: no such file; expected an existing file")
	}
}

func TestTextsComeBackAsTheyWereWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.jsonl")
	out, err := source.Create(path)
	require.NoError(t, err)
	texts := source.NewTextWriter(out)
	want := []string{"plain", "quote \" slash \\ </script>", "\x00\x07\b\t\n\f\r\x1f\x7f", "é\u2028\uffff🙂", ""}
	for _, text := range want {
		require.NoError(t, texts.Write(text))
	}
	require.ErrorContains(t, texts.Write("a\xff"), "text 6 is not UTF-8")
	require.NoError(t, source.Commit(out))
	require.Equal(t, int64(5), texts.Count())

	written, err := os.ReadFile(path)
	require.NoError(t, err)
	// Python 3.11: print(json.dumps({"text": text})) for the texts above.
	require.Equal(t, `{"text": "plain"}
{"text": "quote \" slash \\ </script>"}
{"text": "\u0000\u0007\b\t\n\f\r\u001f\u007f"}
{"text": "\u00e9\u2028\uffff\ud83d\ude42"}
{"text": ""}
`, string(written))
	var got []string
	for text, err := range source.Texts(context.Background(), path) {
		require.NoError(t, err)
		got = append(got, text.Text)
	}
	require.Equal(t, want, got)
}

func TestRowsAreWrittenSoThatTheyReadBack(t *testing.T) {
	const text = "question,\"an,swer\",x\n\"a\"\"b\"\"\",\"c\nd\",\"lone\rCR\"\n' e,,\u2028\n"
	set := setOf(text)
	set.Columns.Answer = "an,swer"
	rows := readAll(t, set)
	var written strings.Builder
	to, err := source.NewRowWriter(&written, rows[0].Header)
	require.NoError(t, err)
	for _, row := range rows {
		require.NoError(t, to.Write(row))
	}
	require.Equal(t, text, written.String())
}
