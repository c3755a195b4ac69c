package trl

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"elara/data/preference"
	"elara/spec"
	"elara/spec/fault"
)

// rows reads a file and the lines its rows stand on.
func rows(t *testing.T, path string) (read []Row, lines []int, left []string) {
	t.Helper()
	left, err := Read(path, func(line int, row Row) error {
		read, lines = append(read, row), append(lines, line)
		return nil
	})
	require.NoError(t, err)
	return read, lines, left
}

// wanted is testdata/rows.json: what tests/peer/preferences/trl_files.py gave to Python's datasets.
func wanted(t *testing.T, form string) []Row {
	t.Helper()
	text, err := os.ReadFile("testdata/rows.json")
	require.NoError(t, err)
	var forms map[string][]struct{ Prompt, Chosen, Rejected preference.Prompt }
	require.NoError(t, json.Unmarshal(text, &forms))
	answer := func(p preference.Prompt) string { return p.Text + strings.Join(contents(p), "") }
	var want []Row
	for _, row := range forms[form] {
		want = append(want, Row{Prompt: row.Prompt, Chosen: answer(row.Chosen), Rejected: answer(row.Rejected)})
	}
	require.NotEmpty(t, want)
	return want
}

func contents(p preference.Prompt) (all []string) {
	for _, message := range p.Messages {
		all = append(all, message.Content)
	}
	return all
}

func TestFilesOfPythonsDatasetsAreRead(t *testing.T) {
	for _, form := range []string{"plain", "chat"} {
		for _, kind := range []string{".jsonl", ".parquet"} {
			read, lines, left := rows(t, "testdata/"+form+kind)
			require.Equal(t, wanted(t, form), read, form+kind)
			require.Equal(t, []int{1, 2, 3}[:len(read)], lines)
			require.Equal(t, []string{"score_chosen"}, left, "what is left out is told")
		}
	}
}

func decided(t *testing.T) []Decided {
	var all []Decided
	for i, form := range []string{"plain", "chat"} {
		for _, row := range wanted(t, form) {
			pair, _ := row.Pair()
			all = append(all, Decided{Row: row, Pair: pair.Digest(), Votes: 2 + i, Judgements: 3 + i})
		}
	}
	return all
}

func TestWhatIsWrittenReadsBackInBothFormsAndFiles(t *testing.T) {
	all := decided(t)
	single := append([]Decided(nil), all[:3]...) // prompts that are one text
	for _, kind := range []string{".jsonl", ".parquet"} {
		path := filepath.Join(t.TempDir(), "out"+kind)
		require.NoError(t, Write(path, Plain, single))
		read, _, left := rows(t, path)
		require.Equal(t, wanted(t, "plain"), read)
		require.Equal(t, []string{"judgements", "pair", "votes"}, left)

		require.NoError(t, Write(path, Chat, all), "over the old one")
		read, _, _ = rows(t, path)
		require.Len(t, read, 5)
		for i, row := range read {
			require.Equal(t, preference.Prompt{Messages: all[i].Prompt.Chat()}, row.Prompt)
			require.Equal(t, all[i].Chosen, row.Chosen)
			require.Equal(t, all[i].Rejected, row.Rejected)
		}
	}
	lines, err := os.ReadFile(writeJSONL(t, single[:1]))
	require.NoError(t, err)
	require.Equal(t, `{"prompt":"What is asthma?","chosen":"A disease of the airways.","rejected":"A skin rash.","pair":"`+string(single[0].Pair)+`","votes":2,"judgements":3}`+"\n", string(lines))

	var text strings.Builder
	require.NoError(t, WriteLines(&text, all))
	mixed := strings.Split(strings.TrimSpace(text.String()), "\n")
	require.Len(t, mixed, 5)
	require.True(t, strings.HasPrefix(mixed[0], `{"prompt":[{"content":"What`), "one chat makes chats of all")
	require.True(t, strings.HasPrefix(mixed[4], `{"prompt":[{"content":"I cough.","role":"user"}`))
	text.Reset()
	require.NoError(t, WriteLines(&text, single[:1]))
	require.Equal(t, string(lines), text.String())
}

func writeJSONL(t *testing.T, rows []Decided) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out.jsonl")
	require.NoError(t, Write(path, Plain, rows))
	return path
}

func TestWhatCannotBeWrittenLeavesTheFileAlone(t *testing.T) {
	all := decided(t)
	folder := t.TempDir()
	path := filepath.Join(folder, "out.jsonl")
	require.NoError(t, os.WriteFile(path, []byte("before"), 0o600))
	for name, c := range map[string]struct {
		path string
		form Form
		rows []Decided
		want string
	}{
		"no row":                     {path, Plain, nil, "out.jsonl: there is no row to write"},
		"a chat as one text":         {path, Plain, all, "its prompt is a chat of 2 messages, which only a chat template makes one text of"},
		"a form that nobody knows":   {path, "prose", all, `form "prose": expected plain or chat`},
		"a file of another kind":     {filepath.Join(folder, "out.csv"), Plain, all, `ends in ".csv", expected .jsonl or .parquet`},
		"a folder that is not there": {filepath.Join(folder, "no", "out.jsonl"), Plain, all, "its folder does not exist"},
	} {
		err := Write(c.path, c.form, c.rows)
		require.True(t, fault.Is(err, fault.Invalid), name)
		require.ErrorContains(t, err, c.want)
	}
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "before", string(text))
}

func TestBadRowsAreRefusedWithTheirPlace(t *testing.T) {
	const sound = `{"prompt":"p","chosen":"c","rejected":"r"}` + "\n"
	chat := func(prompt, chosen, rejected string) string {
		return `{"prompt":[` + prompt + `],"chosen":[` + chosen + `],"rejected":[` + rejected + `]}`
	}
	const user, good, bad = `{"role":"user","content":"u"}`, `{"role":"assistant","content":"g"}`, `{"role":"assistant","content":"b"}`
	for name, c := range map[string]struct{ text, want string }{
		"an empty set":              {"", "in.jsonl: holds no row"},
		"a column too few":          {sound + `{"prompt":"p","chosen":"c"}`, `in.jsonl:2: no column "rejected", expected prompt, chosen and rejected; found [chosen prompt]`},
		"null":                      {`{"prompt":"p","chosen":"c","rejected":null}`, "in.jsonl:1: no rejected"},
		"one side":                  {`{"prompt":"p","chosen":"c","rejected":" "}`, "in.jsonl:1: rejected is empty"},
		"no prompt":                 {`{"prompt":"","chosen":"c","rejected":"r"}`, "in.jsonl:1: prompt is empty"},
		"chosen = rejected":         {sound + `{"prompt":"p","chosen":"c","rejected":"c"}`, "in.jsonl:2: chosen and rejected are the same text"},
		"a number":                  {`{"prompt":"p","chosen":1,"rejected":"c"}`, "in.jsonl:1: chosen: expected a text or a list of messages"},
		"two forms":                 {`{"prompt":"p","chosen":[` + good + `],"rejected":"r"}`, "in.jsonl:1: prompt and chosen are of two forms"},
		"messages without a role":   {chat(`{"role":"user"}`, good, bad), "in.jsonl:1: prompt: message 1 is empty"},
		"no list of messages":       {chat(`"secret"`, good, bad), "in.jsonl:1: prompt: expected a text or a list of messages with role and content"},
		"an assistant who asks":     {chat(good, good, bad), "in.jsonl:1: prompt: message 1 has role assistant, expected user"},
		"a user who answers":        {chat(user, user, bad), "in.jsonl:1: chosen: expected one message of role assistant after those of the prompt, found 1 messages of another role"},
		"two answers":               {chat(user, good, good+","+bad), "in.jsonl:1: rejected: expected one message of role assistant after those of the prompt, found 2 messages"},
		"bytes that are no UTF-8":   {sound + "{\"prompt\":\"\xff\"}", "in.jsonl:2: invalid UTF-8"},
		"half a surrogate pair":     {`{"prompt":"\ud83d","chosen":"c","rejected":"r"}`, "in.jsonl:1: half of a surrogate pair"},
		"what is no JSON":           {"prompt,chosen,rejected\nsecret,c,r\n", "in.jsonl:1: not a JSON object"},
		"chosen = rejected in chat": {chat(user, good, good), "in.jsonl:1: chosen and rejected are the same text"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in.jsonl")
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
			_, err := Read(path, func(int, Row) error { return nil })
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "secret")
		})
	}
	_, err := Read("nowhere.jsonl", nil)
	require.ErrorContains(t, err, "nowhere.jsonl: cannot be read: no such file or directory")
	_, err = Read("rows.csv", nil)
	require.ErrorContains(t, err, `rows.csv: ends in ".csv", expected .jsonl or .parquet`)
}

func TestMarginsAndTiesAreRead(t *testing.T) {
	text, margin, tie := func(s string) *string { return &s }, 0.5, true
	want := []Row{
		{Prompt: preference.Prompt{Text: "p"}, Chosen: "c", Rejected: "r", Margin: 0.5},
		{Prompt: preference.Prompt{Text: "p"}, Chosen: "c", Rejected: "r", Tie: true},
		{Prompt: preference.Prompt{Text: "p"}, Chosen: "c", Rejected: "r"},
	}
	path := filepath.Join(t.TempDir(), "in.jsonl")
	const row = `{"prompt":"p","chosen":"c","rejected":"r"`
	require.NoError(t, os.WriteFile(path, []byte(row+`,"margin":0.5}`+"\n"+row+`,"tie":true,"margin":null}`+"\n"+row+`,"tie":false}`), 0o600))
	read, _, left := rows(t, path)
	require.Equal(t, want, read)
	require.Empty(t, left)
	record := plainRecord{Prompt: text("p"), Chosen: text("c"), Rejected: text("r")}
	first, second := record, record
	first.Margin, second.Tie = &margin, &tie
	read, _, left = rows(t, parquetFile(t, []plainRecord{first, second, record}))
	require.Equal(t, want, read)
	require.Empty(t, left)
	_, outcome := want[1].Pair()
	require.Equal(t, spec.Tie, outcome)
	for more, said := range map[string]string{
		`"margin":"wide"`: "in.jsonl:1: margin: expected a number", `"margin":-1`: "in.jsonl:1: margin is -1, expected a number from 0",
		`"tie":1`: "in.jsonl:1: tie: expected true or false", `"tie":true,"margin":1`: "in.jsonl:1: a tie has a margin",
	} {
		require.NoError(t, os.WriteFile(path, []byte(row+","+more+"}"), 0o600))
		_, err := Read(path, func(int, Row) error { return nil })
		require.True(t, fault.Is(err, fault.Invalid))
		require.ErrorContains(t, err, said)
	}
	type wrong struct {
		Prompt   string `parquet:"prompt"`
		Chosen   string `parquet:"chosen"`
		Rejected string `parquet:"rejected"`
		Margin   string `parquet:"margin"`
	}
	_, err := Read(parquetFile(t, []wrong{{"p", "c", "r", "1"}}), func(int, Row) error { return nil })
	require.ErrorContains(t, err, `in.parquet: column "margin": expected values of type DOUBLE`)
}

func TestRowsWithMarginsAndTiesReadBack(t *testing.T) {
	question := preference.Prompt{Text: "Is 3 < 4?"}
	all := []Row{
		{Prompt: question, Chosen: "yes", Rejected: "no"},
		{Prompt: question, Chosen: "yes", Rejected: "no", Margin: 0.5},
		{Prompt: question, Chosen: "yes", Rejected: "surely", Tie: true},
	}
	var lines bytes.Buffer
	require.NoError(t, WriteRows(&lines, all))
	first, _, _ := strings.Cut(lines.String(), "\n")
	require.Equal(t, `{"prompt":"Is 3 < 4?","chosen":"yes","rejected":"no"}`, first)
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	require.NoError(t, os.WriteFile(path, lines.Bytes(), 0o600))
	read, _, left := rows(t, path)
	require.Equal(t, all, read)
	require.Empty(t, left)

	all[0].Prompt = preference.Prompt{Messages: []preference.Message{{Role: preference.RoleSystem, Content: "a"}, {Role: preference.RoleUser, Content: "b"}}}
	require.ErrorContains(t, WriteRows(&lines, all), "row 1: its prompt is a chat of 2 messages, expected one text")
}

func TestBadParquetIsRefusedWithItsRow(t *testing.T) {
	type two struct{ Prompt, Chosen string }
	type numbers struct {
		Prompt   string `parquet:"prompt"`
		Chosen   int64  `parquet:"chosen"`
		Rejected string `parquet:"rejected"`
	}
	type mixed struct {
		Prompt   string        `parquet:"prompt"`
		Chosen   []messageLine `parquet:"chosen,list"`
		Rejected []messageLine `parquet:"rejected,list"`
	}
	text := func(s string) *string { return &s }
	for name, c := range map[string]struct{ path, want string }{
		"a column too few": {parquetFile(t, []two{{"p", "c"}}), `in.parquet: no column "prompt", expected prompt, chosen and rejected; found [Prompt Chosen]`},
		"numbers":          {parquetFile(t, []numbers{{"p", 1, "r"}}), `in.parquet: column "chosen": expected texts, or lists of messages`},
		"two forms":        {parquetFile(t, []mixed{{"p", nil, nil}}), "in.parquet: prompt, chosen and rejected are of two forms"},
		"no row":           {parquetFile(t, []plainLine{}), "in.parquet: holds no row"},
		"null":             {parquetFile(t, []plainRecord{{Prompt: text("p"), Chosen: text("c"), Rejected: text("r")}, {Prompt: text("p"), Rejected: text("r")}}), "in.parquet:2: a value is null"},
		"chosen = rejected": {parquetFile(t, []plainTexts{{Prompt: "p", Chosen: "c", Rejected: "r"}, {Prompt: "p", Chosen: "c", Rejected: "c"}}),
			"in.parquet:2: chosen and rejected are the same text"},
		"bytes that are no UTF-8": {parquetFile(t, []plainTexts{{Prompt: "p\xff", Chosen: "c", Rejected: "r"}}), "in.parquet:1: invalid UTF-8"},
		"an empty chat":           {parquetFile(t, []chatLine{{}}), "in.parquet:1: chosen: expected one message of role assistant"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(c.path, func(int, Row) error { return nil })
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			require.ErrorContains(t, err, c.want)
		})
	}
	damaged := filepath.Join(t.TempDir(), "in.parquet")
	whole, err := os.ReadFile("testdata/plain.parquet")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(damaged, whole[:len(whole)/2], 0o600))
	_, err = Read(damaged, func(int, Row) error { return nil })
	require.ErrorContains(t, err, "in.parquet: not a Parquet file")
	for at := 4; at < len(whole); at += 7 { // no flipped byte may end the process
		broken := append([]byte(nil), whole...)
		broken[at] ^= 0x55
		require.NoError(t, os.WriteFile(damaged, broken, 0o600))
		if _, err = Read(damaged, func(int, Row) error { return nil }); err != nil {
			require.True(t, fault.Is(err, fault.Invalid), "byte %d: %v", at, err)
		}
	}
}

func parquetFile[R any](t *testing.T, rows []R) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.parquet")
	file, err := os.Create(path)
	require.NoError(t, err)
	writer := parquet.NewGenericWriter[R](file)
	_, err = writer.Write(rows)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.NoError(t, file.Close())
	return path
}

func TestThePairSaysNothingAboutTheChoice(t *testing.T) {
	firsts := 0
	for i := range 200 {
		row := Row{Prompt: preference.Prompt{Text: "p"}, Chosen: strings.Repeat("c", i+1), Rejected: "r"}
		pair, outcome := row.Pair()
		chosen := map[spec.Outcome]string{spec.PrefersA: pair.ResponseA, spec.PrefersB: pair.ResponseB}[outcome]
		require.Equal(t, row.Chosen, chosen)
		again, other := Row{Prompt: row.Prompt, Chosen: row.Rejected, Rejected: row.Chosen}.Pair()
		require.Equal(t, pair, again, "whatever was chosen, the pair is the same")
		require.Equal(t, outcome.Swapped(), other)
		if outcome == spec.PrefersA {
			firsts++
		}
	}
	require.InDelta(t, 100, firsts, 30)
}
