package clean_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/clean"
	"elara/data/ledger"
	"elara/data/source"
	"elara/spec"
	"elara/spec/fault"
)

func setOf(name, text string, columns source.Columns) source.Set {
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
	return source.Set{Files: []source.File{{Path: "dir/" + name, Name: name, Open: open}}, Columns: columns}
}

// cleanFile runs clean.File on a file of the text and gives what it wrote.
func cleanFile(t *testing.T, text string, limits spec.CleanConfig) (counts ledger.Counts, csv string, entries []ledger.Entry, err error) {
	t.Helper()
	dir := t.TempDir()
	in, out, ledgerPath := filepath.Join(dir, "in.csv"), filepath.Join(dir, "out.csv"), filepath.Join(dir, "ledger.jsonl")
	require.NoError(t, os.WriteFile(in, []byte(text), 0o600))
	counts, err = clean.File(context.Background(), in, out, ledgerPath, source.Columns{}, limits)
	left, readErr := os.ReadDir(dir)
	require.NoError(t, readErr)
	if err != nil {
		require.Len(t, left, 1, "nothing half written")
		return counts, "", nil, err
	}
	require.Len(t, left, 3)
	return counts, readFile(t, out), readLedger(t, ledgerPath), nil
}

var wide = spec.CleanConfig{QuestionLongerThan: 0, QuestionShorterThan: 5, AnswerLongerThan: 1, AnswerShorterThan: 5}

func TestEveryRowEndsInOneBucketWithItsReason(t *testing.T) {
	counts, csv, entries, err := cleanFile(t, "question,answer,x\n"+
		"a b,  ok ,1\n"+ // 2 kept
		"a  b,ok,1\n"+ // 3 duplicate of 2 once cleaned
		"a  b,ok,2\n"+ // 4 kept: another x
		"a\n"+ // 5
		"a,b,c,d\n"+ // 6
		"a\"b,ok,1\n"+ // 7
		"a,b\xff,1\n"+ // 8
		",ok,1\n"+ // 9
		"a,NA,1\n"+ // 10
		"\u2003,ok,1\n"+ // 11
		"abcde,ok,1\n"+ // 12
		"a,b,1\n"+ // 13
		"a,bcdef,1\n"+ // 14
		"a,b,1\n", // 15: repeats a row that is itself too short
		wide)
	require.NoError(t, err)
	require.Equal(t, "question,answer,x\na b,ok,1\na b,ok,2\n", csv)
	type line struct {
		line   int
		bucket ledger.Bucket
		reason string
		sameAs int
	}
	var got []line
	for _, entry := range entries {
		l := line{entry.Line, entry.Bucket, entry.Reason, 0}
		if entry.SameAs != nil {
			l.sameAs = entry.SameAs.Line
		}
		got = append(got, l)
	}
	require.Equal(t, []line{
		{2, "kept", "", 0}, {3, "duplicate", "", 2}, {4, "kept", "", 0},
		{5, "bad_row:too_few_fields", "1 fields, expected 3", 0},
		{6, "bad_row:too_many_fields", "4 fields, expected 3", 0},
		{7, "bad_row:bare_quote", "a quote inside a field that is not quoted, or text after a closing quote", 0},
		{8, "bad_row:invalid_utf8", "not UTF-8 at byte 4 of the row", 0},
		{9, "missing_question", "", 0}, {10, "missing_answer", "", 0},
		{11, "question_too_short", "0 characters, expected more than 0", 0},
		{12, "question_too_long", "5 characters, expected fewer than 5", 0},
		{13, "answer_too_short", "1 characters, expected more than 1", 0},
		{14, "answer_too_long", "5 characters, expected fewer than 5", 0},
		{15, "duplicate", "", 13},
	}, got)
	require.Equal(t, int64(14), counts.RowsRead)
	require.Equal(t, int64(2), counts.In(ledger.Kept))
}

func TestLedgerHoldsNoTextOfARow(t *testing.T) {
	dir := t.TempDir()
	ledgerPath := filepath.Join(dir, "l")
	in := filepath.Join(dir, "in.csv")
	require.NoError(t, os.WriteFile(in, []byte("question,answer\nSecretword,Secretword\nSecretword\nSecret\"word,x\nSecretword\xff,x\n"), 0o600))
	_, err := clean.File(context.Background(), in, filepath.Join(dir, "o"), ledgerPath, source.Columns{}, clean.Limits())
	require.NoError(t, err)
	require.NotContains(t, readFile(t, ledgerPath), "ecret")
}

func TestHeaderIsWrittenWhenNoRowIsKept(t *testing.T) {
	counts, csv, _, err := cleanFile(t, "answer,\"a,b\",question,\nx,1,y,2\n", clean.Limits())
	require.NoError(t, err)
	require.Equal(t, "answer,\"a,b\",question,Unnamed: 3\n", csv)
	require.Zero(t, counts.In(ledger.Kept))
}

func TestNothingIsLeftBehindAnError(t *testing.T) {
	for name, text := range map[string]string{
		"unclosed quote far down": "question,answer\n" + strings.Repeat("What is asthma?,A disease of the airways.\n", 9000) + "\"a,b\n",
		"missing column":          "question\na\n",
		"only a header":           "question,answer\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, _, _, err := cleanFile(t, text, clean.Limits())
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		})
	}
	_, _, _, err := cleanFile(t, "question,answer\n"+strings.Repeat("What is asthma?,A disease of the airways.\n", 9000)+"\"a,b\n", clean.Limits())
	require.ErrorContains(t, err, "in.csv:9002: quote opened here is never closed")
}

func TestLimitsThatLeaveNothingAreRefused(t *testing.T) {
	for _, change := range []func(*spec.CleanConfig){
		func(c *spec.CleanConfig) { *c = spec.CleanConfig{} },
		func(c *spec.CleanConfig) { c.QuestionShorterThan = 11 },
		func(c *spec.CleanConfig) { c.AnswerLongerThan = -1 },
		func(c *spec.CleanConfig) { c.AnswerShorterThan = 0 },
	} {
		limits := clean.Limits()
		change(&limits)
		_, _, _, err := cleanFile(t, "question,answer\na,b\n", limits)
		require.ErrorContains(t, err, "expected 0 <= longer_than < shorter_than - 1")
		require.True(t, fault.Is(err, fault.Invalid))
	}
}

func TestOutputThatIsAnInputIsRefused(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.csv")
	const text = "question,answer\nWhat is asthma?,A disease of the airways.\n"
	require.NoError(t, os.WriteFile(in, []byte(text), 0o600))
	link := filepath.Join(dir, "link.csv")
	require.NoError(t, os.Link(in, link))
	for _, paths := range [][2]string{{in, dir + "/l"}, {dir + "/o", in}, {dir + "/./in.csv", dir + "/l"}, {link, dir + "/l"}, {dir + "/o", dir + "/../" + filepath.Base(dir) + "/o"}} {
		_, err := clean.File(context.Background(), in, paths[0], paths[1], source.Columns{}, clean.Limits())
		require.True(t, fault.Is(err, fault.Invalid), "%v", paths)
		require.Equal(t, text, readFile(t, in))
	}
}

func TestFilesOfAFolderAreCleanedAsOne(t *testing.T) {
	dir := t.TempDir()
	const row = "What is asthma?,A disease of the airways.\n"
	for name, text := range map[string]string{"a.csv": "question,answer\n" + row, "b.csv": "question,answer\n" + row + "How is it treated?,With inhaled medicine.\n" + "How is it treated?,With inhaled medicine.\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	out := t.TempDir()
	_, err := clean.File(context.Background(), dir, out+"/o", out+"/l", source.Columns{}, clean.Limits())
	require.NoError(t, err)
	require.Equal(t, "question,answer\n"+row+"How is it treated?,With inhaled medicine.\n", readFile(t, out+"/o"))
	entries := readLedger(t, out+"/l")
	require.Equal(t, &ledger.Place{File: "a.csv", Line: 2}, entries[1].SameAs)
	require.Equal(t, "b.csv", entries[1].File)
	require.Equal(t, &ledger.Place{File: "b.csv", Line: 3}, entries[3].SameAs)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "c.csv"), []byte("answer,question\nx,y\n"), 0o600))
	_, err = clean.File(context.Background(), dir, out+"/o2", out+"/l2", source.Columns{}, clean.Limits())
	require.EqualError(t, err, filepath.Join(dir, "c.csv")+":1: columns differ from those of "+filepath.Join(dir, "a.csv")+"; expected the same columns in the same order")
	require.NoFileExists(t, out+"/o2")
}

// Columns are compared by name, and a column that one file lacks is missing there, as pandas.concat has it.
func TestDuplicatesAreFoundAcrossSetsWithOtherColumns(t *testing.T) {
	const q, a = "What is asthma?", "A disease of the airways."
	first := setOf("a.csv", "question,answer,x,y\n"+q+","+a+",1,2\n"+q+","+a+",,\n", source.Columns{})
	second := setOf("b.csv", "y,Q,A,x\n2,"+q+","+a+",1\n1,"+q+","+a+",2\n", source.Columns{Question: "Q", Answer: "A"})
	third := setOf("c.csv", "Q,A\n"+q+","+a+"\n"+a+","+q+q+"\n", source.Columns{Question: "Q", Answer: "A"})
	var lines strings.Builder
	book := ledger.New(&lines)
	var kept []string
	for row, err := range clean.Rows(source.Chain(context.Background(), first, second, third), clean.Limits(), book) {
		require.NoError(t, err)
		kept = append(kept, strings.Join([]string{row.ID.File, row.Question()}, " "))
	}
	require.Equal(t, []string{"a.csv " + q, "a.csv " + q, "b.csv " + q, "c.csv " + a}, kept)
	counts, err := book.Balance()
	require.NoError(t, err)
	require.Equal(t, int64(6), counts.RowsRead)
	require.Contains(t, lines.String(), `"bucket":"duplicate","same_as":{"file":"a.csv","line":2}`)
	require.Contains(t, lines.String(), `"bucket":"duplicate","same_as":{"file":"a.csv","line":3}`)
}

func TestRowsThatOnlyLookAlikeArePutApart(t *testing.T) {
	_, csv, entries, err := cleanFile(t, "question,answer,x,y\nab,cde,,\nabc,de,,\nab,cd,e,\nab,cd,,e\nab,cd,e,e\nab,cd,ee,\n", wide)
	require.NoError(t, err)
	require.Len(t, entries, 6)
	require.Equal(t, 7, strings.Count(csv, "\n"))
}

func FuzzLedgerAddsUp(f *testing.F) {
	f.Add("question,answer\na b,c\na  b,c\nx\n\"y\"z,\xff\n")
	f.Add(readNasty(f))
	f.Fuzz(func(t *testing.T, text string) {
		set := setOf("x.csv", text, source.Columns{})
		var read int64
		for _, err := range set.Rows(context.Background()) {
			if err != nil {
				return // a file that cannot be read has no account
			}
			read++
		}
		var kept int64
		book := ledger.New(io.Discard)
		for row, err := range clean.Rows(set.Rows(context.Background()), wide, book) {
			if err != nil {
				t.Fatal(err)
			}
			if clean.Text(row.Question()) != row.Question() || row.Bad != nil {
				t.Fatalf("kept a row that is not clean: %q", row.Question())
			}
			kept++
		}
		counts, err := book.Balance()
		if err != nil || counts.RowsRead != read || counts.In(ledger.Kept) != kept {
			t.Fatalf("%d rows read, %d kept; account %+v, %v", read, kept, counts, err)
		}
	})
}

func readNasty(f *testing.F) string {
	content, err := os.ReadFile(filepath.Join(peer, "nasty.csv"))
	if err != nil {
		f.Fatal(err)
	}
	return string(content)
}

// BenchmarkRows reads and cleans 8 MB from memory: MB/s are of the input.
func BenchmarkRows(b *testing.B) {
	var text strings.Builder
	text.WriteString("question,answer,topic\n")
	for i := 0; text.Len() < 8<<20; i++ {
		text.WriteString("What are the symptoms of condition " + strings.Repeat("x", i%40) + " ?,\"" +
			strings.Repeat("Fever, cough and   a \"\"sore\"\" throat.\n    ", 3+i%30) + "\",lung\n")
	}
	set := setOf("x.csv", text.String(), source.Columns{})
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range clean.Rows(set.Rows(context.Background()), clean.Limits(), ledger.New(io.Discard)) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
