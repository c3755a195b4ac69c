package sample

// Planted is what was planted of one defect in qa.csv.
type Planted struct {
	Defect Defect `json:"defect"`
	Bucket string `json:"bucket"` // where the row ledger has to show these rows
	Count  int    `json:"count"`
	Lines  []int  `json:"lines"` // at which the rows begin, from 1; the header is line 1
}

// Ledger is the content of defects.json: what cleaning has to find in qa.csv.
type Ledger struct {
	About            string         `json:"about"`
	Seed             uint64         `json:"seed"`
	Records          int            `json:"records"` // rows under the header
	HasByteOrderMark bool           `json:"has_byte_order_mark"`
	Buckets          map[string]int `json:"buckets"` // of the row ledger, for the guide's cleaning; empty buckets are left out
	Defects          []Planted      `json:"defects"`
}

const ledgerNote = "Defects planted in qa.csv, and the buckets in which the guide's cleaning has to put its rows."

// writeQA renders the file and its ledger.
func writeQA(records []record, seed uint64) (text []byte, ledger Ledger, err error) {
	file, err := newCSVFile(byteOrderMark)
	if err != nil {
		return nil, Ledger{}, err
	}
	lines := map[Defect][]int{}
	for _, r := range records {
		line, err := file.addRecord(r)
		if err != nil {
			return nil, Ledger{}, err
		}
		lines[r.defect] = append(lines[r.defect], line)
	}
	ledger = Ledger{About: ledgerNote, Seed: seed, Records: len(records), HasByteOrderMark: true, Buckets: map[string]int{}}
	ledger.Buckets[kept] = len(lines[""])
	for _, rate := range rates() {
		found := lines[rate.defect]
		ledger.Buckets[rate.bucket] += len(found)
		ledger.Defects = append(ledger.Defects, Planted{rate.defect, rate.bucket, len(found), found})
	}
	return file.text.Bytes(), ledger, nil
}
