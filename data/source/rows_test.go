package source_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"elara/data/source"
	"elara/spec"
	"elara/spec/fault"
)

func setOf(text string) source.Set {
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
	return source.Set{Files: []source.File{{Path: "dir/x.csv", Name: "x.csv", Open: open}}}
}

func readAll(t *testing.T, set source.Set) []source.Row {
	t.Helper()
	rows, err := collect(set)
	require.NoError(t, err)
	return rows
}

func collect(set source.Set) (rows []source.Row, err error) {
	for row, err := range set.Rows(context.Background()) {
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// The fields are those of pandas 3.1.1, read_csv(io.BytesIO(text)).to_dict("list"), with "" for nan.
func TestRowsAreCutWherePandasCutsThem(t *testing.T) {
	const head = "question,answer\n"
	for name, test := range map[string]struct {
		text string
		want [][]string
	}{
		"plain":                             {head + "a,b\nc,d\n", [][]string{{"a", "b"}, {"c", "d"}}},
		"no line end at the end":            {head + "a,b", [][]string{{"a", "b"}}},
		"empty last field at the end":       {head + "a,", [][]string{{"a", ""}}},
		"CRLF, kept inside quotes":          {"question,answer\r\na,\"b\r\nc\"\r\n", [][]string{{"a", "b\r\nc"}}},
		"lone CR":                           {"question,answer\ra,b\rc,d\r", [][]string{{"a", "b"}, {"c", "d"}}},
		"doubled quotes":                    {head + `"say ""aah""",""""` + "\n", [][]string{{`say "aah"`, `"`}}},
		"comma and line end in quotes":      {head + "\"a,\nb\",c\n", [][]string{{"a,\nb", "c"}}},
		"blank lines are no rows":           {head + "a,b\n\n  \n\t\r\nc,d\n", [][]string{{"a", "b"}, {"c", "d"}}},
		"blank line before the header":      {"\n" + head + "a,b\n", [][]string{{"a", "b"}}},
		"blanks stay":                       {head + " a ,\tb\n", [][]string{{" a ", "\tb"}}},
		"byte order mark":                   {"\ufeff" + head + "a,b\n", [][]string{{"a", "b"}}},
		"byte order mark and quoted header": {"\ufeff\"question\",answer\na,b\n", [][]string{{"a", "b"}}},
		"missing values, quoted too":        {head + "NA,\"n/a\"\n\"\",x\n NA,<NA>\n", [][]string{{"", ""}, {"", "x"}, {" NA", ""}}},
		"only missing values":               {head + ",\n", [][]string{{"", ""}}},
		"NUL":                               {head + "a,b\x00c\n", [][]string{{"a", "b\x00c"}}},
		"line separators are text":          {head + "a,\"x \u2028 b, \x1c\u0085 c\rq\"\n", [][]string{{"a", "x \u2028 b, \x1c\u0085 c\rq"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got [][]string
			for _, row := range readAll(t, setOf(test.text)) {
				require.Nil(t, row.Bad)
				got = append(got, row.Fields)
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestRowsDoNotDependOnHowTheBytesArrive(t *testing.T) {
	text := "question,answer\r\n\r\n\"a\"\"b\r\n\",\"\"\"\"\r\n \t\r\nc,\rd,e\r"
	set := setOf(text)
	set.Files[0].Open = func() (io.ReadCloser, error) {
		return io.NopCloser(iotest.OneByteReader(strings.NewReader(text))), nil
	}
	got := readAll(t, set)
	require.Len(t, got, 3)
	require.Equal(t, []string{"a\"b\r\n", `"`}, got[0].Fields)
	require.Equal(t, []int{3, 6, 7}, []int{got[0].ID.Line, got[1].ID.Line, got[2].ID.Line})
	require.Equal(t, readAll(t, setOf(text)), got)
}

func TestIdentityIsTheLineAndTheDigestOfTheBytes(t *testing.T) {
	rows := readAll(t, setOf("question,answer\n\"a\nb\",c\r\nNA,d,e\n"))
	require.Equal(t, source.ID{File: "x.csv", Line: 2, Digest: spec.DigestOf(sha256.Sum256([]byte("\"a\nb\",c")))}, rows[0].ID)
	require.Equal(t, source.ID{File: "x.csv", Line: 4, Digest: spec.DigestOf(sha256.Sum256([]byte("NA,d,e")))}, rows[1].ID)
}

func TestBadRowIsMarkedAndTheNextOneIsRead(t *testing.T) {
	for name, test := range map[string]struct {
		row  string
		want source.Defect
	}{
		"a field too few":          {"a", source.Defect{Reason: source.TooFewFields, Detail: "1 fields, expected 2"}},
		"a field too many":         {"a,b,", source.Defect{Reason: source.TooManyFields, Detail: "3 fields, expected 2"}},
		"quote in a bare field":    {`a "b" c,d`, source.Defect{Reason: source.BareQuote, Detail: "a quote inside a field that is not quoted, or text after a closing quote"}},
		"text after closing quote": {`"a"b,"c,d"`, source.Defect{Reason: source.BareQuote, Detail: "a quote inside a field that is not quoted, or text after a closing quote"}},
		"blank after the quote":    {`"a" ,b`, source.Defect{Reason: source.BareQuote, Detail: "a quote inside a field that is not quoted, or text after a closing quote"}},
		"invalid UTF-8":            {"é,b\xff", source.Defect{Reason: source.InvalidUTF8, Detail: "not UTF-8 at byte 5 of the row"}},
		"half a surrogate pair":    {"a\xed\xa0\x80,b", source.Defect{Reason: source.InvalidUTF8, Detail: "not UTF-8 at byte 2 of the row"}},
	} {
		t.Run(name, func(t *testing.T) {
			rows := readAll(t, setOf("question,answer\n"+test.row+"\nnext,row\n"))
			require.Len(t, rows, 2)
			require.Equal(t, &test.want, rows[0].Bad)
			require.Empty(t, rows[0].Question()+rows[0].Answer())
			require.Equal(t, 2, rows[0].ID.Line)
			require.Nil(t, rows[1].Bad)
			require.Equal(t, []string{"next", "row"}, rows[1].Fields)
			require.Equal(t, 3, rows[1].ID.Line)
		})
	}
}

func TestFileThatCannotBeReadIsOneLineWithPlaceAndExpectation(t *testing.T) {
	const head = "question,answer\n"
	for name, test := range map[string]struct{ text, want string }{
		"no bytes":         {"", `dir/x.csv: empty file; expected a header with the columns "question" and "answer"`},
		"byte order mark":  {"\ufeff", `dir/x.csv: empty file; expected a header with the columns "question" and "answer"`},
		"only blank lines": {"\n \n", `dir/x.csv: nothing but blank lines; expected a header with the columns "question" and "answer"`},
		"only a header":    {head, "dir/x.csv: nothing but a header; expected at least one row under it"},
		"header, blanks":   {head + "\n\n", "dir/x.csv: nothing but a header; expected at least one row under it"},
		"missing column":   {"question,text\na,b\n", `dir/x.csv:1: no column "answer"; found "question", "text"`},
		"misspelt column":  {"id,question,anwser\n1,a,b\n", `dir/x.csv:1: no column "answer"; found "id", "question", "anwser" (did you mean "anwser"?)`},
		"nothing near":     {"id,qa,xy\na,b,c\n", `dir/x.csv:1: no column "question"; found "id", "qa", "xy"`},
		"case and blanks":  {"\n Question ,answer\na,b\n", `dir/x.csv:2: no column "question"; found " Question ", "answer" (did you mean " Question "?)`},
		"semicolons":       {"question;answer\na;b\n", `dir/x.csv:1: no column "question"; found "question;answer" (the header holds no comma; expected commas between the columns)`},
		"doubled column":   {"question,answer,x,answer\na,b,c,d\n", `dir/x.csv:1: columns 2 and 4 are both named "answer"; expected each name once`},
		"no header: the first row is not repeated": {
			"My name is Jo and I have had this cough for weeks,What can I do about it? It is worse at night\n",
			`dir/x.csv:1: no column "question"; found (a name of 49 characters), (a name of 44 characters)`},
		"quote in the header": {"question,an\"swer\na,b\n", "dir/x.csv:1: quote in the middle of a column name; expected names in quotes, or without any"},
		"header not UTF-8":    {"question,answer,\xe9t\xe9\na,b,c\n", "dir/x.csv:1: header is not UTF-8 at byte 17; expected a UTF-8 file"},
		"unclosed in row 3":   {head + "a,b\nc,\"d\n e,f\n", "dir/x.csv:3: quote opened here is never closed; expected a closing quote before the end of the file"},
		"unclosed at the end": {head + "a,\"", "dir/x.csv:2: quote opened here is never closed; expected a closing quote before the end of the file"},
		"unclosed in header":  {"question,\"answer\na,b\n", "dir/x.csv:1: quote opened here is never closed; expected a closing quote before the end of the file"},
		"unclosed, then a quoted row": {head + "a,\"b\nc,\"d\"\ne,f\n", "dir/x.csv:2: quote opened here is followed by text where it closes, on line 3; " +
			"expected a closing quote before a comma or a line end, and quotes inside the field doubled"},
		"UTF-16 with mark":       {"\xff\xfeq\x00u\x00", "dir/x.csv:1: text in UTF-16; expected UTF-8"},
		"UTF-16 big with mark":   {"\xfe\xff\x00q\x00u", "dir/x.csv:1: text in UTF-16; expected UTF-8"},
		"UTF-16 without mark":    {"q\x00u\x00e\x00", "dir/x.csv:1: text in UTF-16; expected UTF-8"},
		"UTF-16 big, no mark":    {"\x00q\x00u\x00e", "dir/x.csv:1: text in UTF-16; expected UTF-8"},
		"gzip":                   {"\x1f\x8b\x08\x00", "dir/x.csv: gzip-compressed; expected plain text"},
		"Excel workbook":         {"PK\x03\x04rest", "dir/x.csv: a ZIP archive or an Excel workbook; expected plain text"},
		"one line without end":   {strings.Repeat("x", source.MaxRowBytes+1), "dir/x.csv:1: row is longer than 16 MiB; expected a shorter one"},
		"quote that goes on":     {head + "a,b\n\"" + strings.Repeat("x\n", source.MaxRowBytes/2+1), "dir/x.csv:3: quote opened here is not closed within 16 MiB; expected a closing quote"},
		"long row after a quote": {head + "\"a\"," + strings.Repeat("x", source.MaxRowBytes+1), "dir/x.csv:2: row is longer than 16 MiB; expected a shorter one"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := collect(setOf(test.text))
			require.EqualError(t, err, test.want)
			require.True(t, fault.Is(err, fault.Invalid))
		})
	}
}

func TestWordsForMissingArePandas(t *testing.T) {
	content, err := os.ReadFile("../../tests/peer/clean/golden.json")
	require.NoError(t, err)
	var golden struct{ Missing []string }
	require.NoError(t, json.Unmarshal(content, &golden))
	require.Len(t, golden.Missing, 19)
	for _, word := range golden.Missing {
		row := readAll(t, setOf("question,answer\n"+word+","+word+"x\n"))[0]
		require.Equal(t, []string{"", word + "x"}, row.Fields)
	}
}

func TestNoNameIsSuggestedForAShortOne(t *testing.T) {
	set := setOf("a,b\n1,2\n")
	set.Columns.Question = "q"
	_, err := collect(set)
	require.EqualError(t, err, `dir/x.csv:1: no column "q"; found "a", "b"`)
}

func TestQuestionAndAnswerInOneColumnAreRefused(t *testing.T) {
	set := setOf("text,x\na,b\n")
	set.Columns = source.Columns{Question: "text", Answer: "text"}
	_, err := collect(set)
	require.EqualError(t, err, `dir/x.csv:1: column "text" is to be both question and answer; expected two columns`)
}

func TestColumnsAreTakenByNameAndOthersAreKept(t *testing.T) {
	set := setOf(",dialogue,note,section\n7,Good morning.,NA,Greeting\n")
	set.Columns = source.Columns{Question: "section", Answer: "dialogue"}
	row := readAll(t, set)[0]
	require.Equal(t, "Greeting", row.Question())
	require.Equal(t, "Good morning.", row.Answer())
	require.Equal(t, []string{"Unnamed: 0", "dialogue", "note", "section"}, row.Header.Names, "read_csv's name for a nameless column")
	require.Equal(t, []string{"7", "Good morning.", "", "Greeting"}, row.Fields)
	require.Equal(t, []int{0, 2}, row.Header.Others())

	changed := row.With("Hello", row.Answer())
	require.Equal(t, []string{"7", "Good morning.", "", "Hello"}, changed.Fields)
	require.Equal(t, "Greeting", row.Question(), "the original stays")
}

func TestAudienceOfRowAndOfSetMustBothAllow(t *testing.T) {
	text := "question,answer,for\na,b,\nc,d, patient \ne,f,doctor\ng,h,nurse\n"
	allowed := func(set source.Set) (lists [][]spec.Audience, bad []*source.Defect) {
		for _, row := range readAll(t, set) {
			var list []spec.Audience
			for _, audience := range spec.Audiences() {
				if row.Bad == nil && row.IsFor(audience) {
					list = append(list, audience)
				}
			}
			lists, bad = append(lists, list), append(bad, row.Bad)
		}
		return lists, bad
	}
	set := setOf(text)
	set.Columns.Audience = "for"
	lists, bad := allowed(set)
	require.Equal(t, [][]spec.Audience{spec.Audiences(), {spec.Patient}, {spec.Doctor}, nil}, lists)
	require.Equal(t, []*source.Defect{nil, nil, nil,
		{Reason: source.UnknownAudience, Detail: "expected general, patient, doctor, emergency or nothing"}}, bad)

	set.Audiences = []spec.Audience{spec.Patient, spec.General}
	lists, _ = allowed(set)
	require.Equal(t, [][]spec.Audience{{spec.General, spec.Patient}, {spec.Patient}, nil, nil}, lists)

	set.Columns.Audience = ""
	lists, _ = allowed(set)
	require.Equal(t, [][]spec.Audience{{spec.General, spec.Patient}, {spec.General, spec.Patient}, {spec.General, spec.Patient}, {spec.General, spec.Patient}}, lists)
}

func TestChainReadsSetsWithOtherColumnsAndStopsAtAnError(t *testing.T) {
	second := setOf("q,a\nc,d\n")
	second.Columns = source.Columns{Question: "q", Answer: "a"}
	var questions []string
	var failure error
	for row, err := range source.Chain(context.Background(), setOf("question,answer\na,b\n"), second, setOf(""), setOf("question,answer\nx,y\n")) {
		if err != nil {
			require.NoError(t, failure, "nothing follows an error")
			failure = err
			continue
		}
		questions = append(questions, row.Question())
	}
	require.Equal(t, []string{"a", "c"}, questions)
	require.ErrorContains(t, failure, "empty file")
}

func TestReadingStopsWhenTheContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("worker stops")
	cancel(why)
	for _, err := range setOf("question,answer\na,b\n").Rows(ctx) {
		require.ErrorIs(t, err, why)
		return
	}
	t.Fatal("nothing came")
}

func TestReadErrorIsPassedOn(t *testing.T) {
	broken := errors.New("disk gone")
	set := setOf("")
	set.Files[0].Open = func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("question,answer\na,b\n"), iotest.ErrReader(broken))), nil
	}
	rows, err := collect(set)
	require.ErrorIs(t, err, broken)
	require.Len(t, rows, 1)
}

func TestOpenFindsFileFolderAndGlobInOrder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.csv", "a.CSV", "c.txt", "sub/d.csv", "sub-2/e.csv", "sub.csv/x"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("question,answer\na,b\n"), 0o644))
	}
	names := func(path string) []string {
		set, err := source.Open(spec.DataSource{Path: filepath.Join(dir, path)})
		require.NoError(t, err)
		var found []string
		for _, row := range readAll(t, set) {
			found = append(found, row.ID.File)
		}
		return found
	}
	require.Equal(t, []string{"a.CSV", "b.csv"}, names("."))
	require.Equal(t, []string{"c.txt"}, names("c.txt"))
	require.Equal(t, []string{"b.csv"}, names("*.csv"))
	require.Equal(t, []string{"sub-2/e.csv", "sub/d.csv"}, names("s*/*.csv"))
}

func TestPathThatNamesNoDataIsRefused(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	require.NoError(t, os.Mkdir(empty, 0o755))
	for path, want := range map[string]string{
		filepath.Join(dir, "none.csv"): ": no such file; expected an existing file",
		empty:                          ": folder without CSV files; expected at least one file named *.csv",
		filepath.Join(dir, "*.csv"):    ": no file matches; expected at least one CSV file",
		filepath.Join(dir, "[a.csv"):   ": malformed pattern; expected a file, a folder, or a glob of *, ? and [a-z]",
	} {
		_, err := source.Open(spec.DataSource{Path: path})
		require.EqualError(t, err, path+want)
		require.True(t, fault.Is(err, fault.Invalid))
	}
	_, err := source.Open(spec.DataSource{Path: empty, Audiences: []spec.Audience{"nurse"}})
	require.EqualError(t, err, `audience "nurse": expected general, patient, doctor or emergency`)
}
