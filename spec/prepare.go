package spec

// PrepareConfig is the data stage of a pipeline: what is read, how it is cleaned, what is held out.
type PrepareConfig struct {
	Sources     []DataSource `json:"sources"`
	Clean       CleanConfig  `json:"clean"`
	EvalPercent float64      `json:"eval_percent"` // share of rows held out, by a hash of the row: the same row always falls on the same side
	Seed        int64        `json:"seed"`
}

// DataSource is a set of CSV files with a question and an answer column.
type DataSource struct {
	Path           string     `json:"path"` // file, folder of *.csv, or glob that the preparing worker can read; or "store:PREFIX" for objects in the bucket
	QuestionColumn string     `json:"question_column"`
	AnswerColumn   string     `json:"answer_column"`
	AudienceColumn string     `json:"audience_column,omitempty"` // rows go only to adapters of that audience; empty cell or column: to all
	Audiences      []Audience `json:"audiences,omitempty"`       // the whole source goes only to these; empty: to all
}

// CleanConfig holds the guide's limits, in characters (Unicode code points), all exclusive.
type CleanConfig struct {
	QuestionLongerThan  int `json:"question_longer_than"`  // 10
	QuestionShorterThan int `json:"question_shorter_than"` // 512
	AnswerLongerThan    int `json:"answer_longer_than"`    // 20
	AnswerShorterThan   int `json:"answer_shorter_than"`   // 1024
}

// PrepareInput is the input of the data preparation workflow and its activities.
type PrepareInput struct {
	Run      RunID         `json:"run"`
	Config   PrepareConfig `json:"config"`
	Adapters []AdapterPlan `json:"adapters"`
	Canaries Planting      `json:"canaries,omitzero"` // planted among the training rows of every adapter
}

// CleanInput asks for the cleaned rows of collected sources.
type CleanInput struct {
	Run     RunID         `json:"run"`
	Config  PrepareConfig `json:"config"`
	Sources ArtifactRef   `json:"sources"`
}

// CleanResult is the cleaned rows and where every row that was read has gone.
type CleanResult struct {
	Cleaned   ArtifactRef   `json:"cleaned"`
	Ledger    []LedgerCount `json:"ledger"`
	RowsRead  int64         `json:"rows_read"`
	Unchanged string        `json:"unchanged,omitempty"` // as in PrepareResult
}

// FormatInput asks for the data set of one adapter out of the cleaned rows.
type FormatInput struct {
	Run      RunID         `json:"run"`
	Config   PrepareConfig `json:"config"`
	Plan     AdapterPlan   `json:"plan"`
	Cleaned  ArtifactRef   `json:"cleaned"`
	Canaries Planting      `json:"canaries,omitzero"`
}

// PrepareResult holds one data set per adapter, in the order of the plan, and the ledger of every row.
type PrepareResult struct {
	Sources  ArtifactRef      `json:"sources"`
	Cleaned  ArtifactRef      `json:"cleaned"`
	Datasets []AdapterDataset `json:"datasets"`
	Ledger   []LedgerCount    `json:"ledger"` // buckets in a fixed order; they add up to RowsRead
	RowsRead int64            `json:"rows_read"`
	// Unchanged says why earlier cleaned rows were taken instead of cleaning; empty: they were cleaned.
	Unchanged string `json:"unchanged,omitempty"`
}

// AdapterDataset is what one adapter trains on and is measured on.
type AdapterDataset struct {
	Adapter   AdapterName `json:"adapter"`
	Dataset   ArtifactRef `json:"dataset"` // files train.jsonl, eval.jsonl, rows.jsonl (row identities)
	TrainRows int64       `json:"train_rows"`
	EvalRows  int64       `json:"eval_rows"`
	Canaries  int64       `json:"canaries,omitempty"` // that were planted behind the training rows, and are none of TrainRows
	// Unchanged says why an earlier data set was taken instead of making one; empty: it was made.
	Unchanged string `json:"unchanged,omitempty"`
}

// LedgerCount is how many rows ended in one bucket.
type LedgerCount struct {
	Bucket string `json:"bucket"` // kept, duplicate, question_too_short, bad_row, ...
	Rows   int64  `json:"rows"`
}

// RowsFile is the file of a dataset artifact that lists its rows, one UsedRow a line in the order of the source.
const RowsFile = "rows.jsonl"

// UsedRow is a row of a data set by its identity. It holds no text.
type UsedRow struct {
	// File is in the source artifact: the source's number, then the file's name below the source. CanariesFile: it was planted.
	File   string `json:"file"`
	Line   int    `json:"line"`   // of the row's first byte, from 1
	Digest Digest `json:"digest"` // of the row's bytes in the file, without its line end
	In     string `json:"in"`     // the file it went to: train.jsonl or eval.jsonl, which is held out
}
