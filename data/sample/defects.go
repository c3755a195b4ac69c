package sample

import (
	"strings"

	"elara/spec/fault"
)

// Defect is one sort of fault that real files have. The names are stored in defects.json.
type Defect string

const (
	WhiteSpace       Defect = "white_space"        // runs of blanks, tabs and line ends inside the texts
	NonBreakingSpace Defect = "non_breaking_space" // U+00A0 between words
	LineEnd          Defect = "crlf_line_end"      // a row that ends in \r\n among rows that end in \n
	Duplicate        Defect = "duplicate"          // the bytes of an earlier row once more
	NearDuplicate    Defect = "near_duplicate"     // an earlier row that differs in white space only
	ShortQuestion    Defect = "short_question"     // at most 10 characters
	LongQuestion     Defect = "long_question"      // at least 512 characters
	ShortAnswer      Defect = "short_answer"       // at most 20 characters
	LongAnswer       Defect = "long_answer"        // at least 1,024 characters
	MissingQuestion  Defect = "missing_question"   // empty
	MissingAnswer    Defect = "missing_answer"     // empty, or a word that pandas reads as missing
	TooFewFields     Defect = "too_few_fields"
	TooManyFields    Defect = "too_many_fields" // an answer with commas that somebody forgot to quote
)

// kept is the bucket of rows that cleaning keeps.
const kept = "kept"

// rate says how often a defect is planted and where cleaning has to put its rows.
type rate struct {
	defect      Defect
	perThousand int    // of the sound rows, rounded up
	bucket      string // of the row ledger
}

// rates is the documented frequency of each defect. A row has one at most. The first three change a sound row
// in place; the others add a row that cleaning has to drop.
func rates() []rate {
	return []rate{
		{WhiteSpace, 30, kept},
		{NonBreakingSpace, 10, kept},
		{LineEnd, 20, kept},
		{Duplicate, 20, "duplicate"},
		{NearDuplicate, 10, "duplicate"},
		{ShortQuestion, 5, "question_too_short"},
		{LongQuestion, 3, "question_too_long"},
		{ShortAnswer, 5, "answer_too_short"},
		{LongAnswer, 5, "answer_too_long"},
		{MissingQuestion, 3, "missing_question"},
		{MissingAnswer, 8, "missing_answer"},
		{TooFewFields, 3, "bad_row:too_few_fields"},
		{TooManyFields, 3, "bad_row:too_many_fields"},
	}
}

// record is a row on its way into the file.
type record struct {
	row
	defect Defect // "" for a sound row
	donor  int    // the sound row, by its place in rendering order, that a planted row was made from
}

// plant gives the rows of the file in their order there: the sound ones, some of them spoilt in ways that
// cleaning repairs, and between them the rows that cleaning has to drop. Each sound row serves one defect.
func plant(rows []row, seed uint64) ([]record, error) {
	records := make([]record, len(rows))
	for i, r := range rows {
		records[i] = record{row: r, donor: i}
	}
	donors := newStream(seed, "donors").order(len(rows))
	for _, rate := range rates() {
		count := (len(rows)*rate.perThousand + 999) / 1000
		for n := range count {
			donor, err := takeDonor(&donors, rows, rate.defect)
			if err != nil {
				return nil, err
			}
			spoilt := record{spoil(rows, donor, rate.defect, n, newStream(seed, string(rate.defect))), rate.defect, donor}
			if rate.bucket == kept {
				records[donor] = spoilt
			} else {
				records = append(records, spoilt)
			}
		}
	}
	return scatter(records, seed), nil
}

// takeDonor removes the next row from the queue that can carry the defect.
func takeDonor(queue *[]int, rows []row, defect Defect) (int, error) {
	for i, donor := range *queue {
		if defect == TooManyFields && !strings.Contains(rows[donor].answer, ",") {
			continue
		}
		*queue = append((*queue)[:i:i], (*queue)[i+1:]...)
		return donor, nil
	}
	return 0, fault.New(fault.Invalid, "%d rows are too few to plant %q; expected more conditions", len(rows), defect)
}

// scatter mixes the records. A repeated row still comes after the one it repeats, so that it is the one dropped.
func scatter(records []record, seed uint64) []record {
	order := newStream(seed, "file order").order(len(records))
	placeOf := make([]int, len(records))
	for place, i := range order {
		placeOf[i] = place
	}
	for i, r := range records {
		if isRepeat := r.defect == Duplicate || r.defect == NearDuplicate; isRepeat && placeOf[i] < placeOf[r.donor] {
			placeOf[i], placeOf[r.donor] = placeOf[r.donor], placeOf[i]
		}
	}
	mixed := make([]record, len(records))
	for i, r := range records {
		mixed[placeOf[i]] = r
	}
	return mixed
}
