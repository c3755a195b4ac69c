package activities

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"elara/data/instruct"
	"elara/data/ledger"
	"elara/data/source"
	"elara/data/split"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
)

// Files of a dataset artifact.
const (
	trainFile = "train.jsonl" // {"text": ...} lines
	evalFile  = "eval.jsonl"  // {"text": ...} lines, held out
	rowsFile  = spec.RowsFile // identity of each row and the file it went to, in the order of the source
)

// templateMeta is the key of a dataset artifact's meta data that holds the hash of the instruction template.
const templateMeta = "template"

// Format makes the data set of one adapter: its rows, in the instruction form of its audience, on two sides.
func (c *Control) Format(ctx context.Context, in spec.FormatInput) (spec.AdapterDataset, error) {
	return run(ctx, c.Instruments, spec.StagePrepare, in, c.format)
}

func (c *Control) format(ctx context.Context, in spec.FormatInput) (_ spec.AdapterDataset, err error) {
	work := begin(ctx, c.Store, spec.Progress{Stage: spec.StagePrepare, Adapter: in.Plan.Name}, bulkPatience)
	defer work.end()
	ctx, store := work.ctx, work.store

	template, err := instruct.Guide().Hash()
	if err != nil {
		return spec.AdapterDataset{}, err
	}
	key, err := formatStage.key(struct {
		Cleaned     spec.Digest
		Columns     []spec.DataSource
		Audience    spec.Audience
		Match       []string
		MaxRows     int
		EvalPercent float64
		Seed        int64
		Template    spec.Digest
		Canaries    spec.Planting `json:",omitzero"`
	}{
		in.Cleaned.Digest, columnsOf(in.Config.Sources), in.Plan.Audience, in.Plan.Match, in.Plan.MaxRows,
		in.Config.EvalPercent, in.Config.Seed, template, in.Canaries,
	})
	if err != nil {
		return spec.AdapterDataset{}, err
	}
	found, reason, err := recall(ctx, store, formatStage, key,
		func(d spec.AdapterDataset) []spec.ArtifactRef { return []spec.ArtifactRef{d.Dataset} })
	if err != nil || reason != "" {
		found.Adapter, found.Unchanged = in.Plan.Name, reason
		return found, err
	}

	sets, err := c.open(ctx, store, in.Cleaned, rowsFolder+"/", in.Config.Sources)
	if err != nil {
		return spec.AdapterDataset{}, err
	}
	folder, err := c.Cache.Materialise(ctx, store, in.Cleaned)
	if err != nil {
		return spec.AdapterDataset{}, err
	}
	account, err := os.Open(filepath.Join(folder, ledgerFile))
	if err != nil {
		return spec.AdapterDataset{}, onDisk(err)
	}
	defer func() { err = errors.Join(err, onDisk(account.Close())) }()
	into, remove, err := scratch(c.Scratch, "dataset")
	if err != nil {
		return spec.AdapterDataset{}, err
	}
	defer func() { err = errors.Join(err, remove()) }()

	rows := identified(moving(source.Chain(ctx, sets...), work.pulse), account)
	dataset, identities, err := formatInto(into, rows, in)
	if err != nil {
		return spec.AdapterDataset{}, err
	}
	dataset.Dataset, err = artifact.Publish(ctx, store, spec.KindDataset, into, []spec.Digest{in.Cleaned.Digest}, map[string]string{
		"audience": string(in.Plan.Audience), templateMeta: string(template),
	})
	if err != nil {
		return spec.AdapterDataset{}, err
	}
	dataset, reason, err = c.sameRows(ctx, store, dataset, identities)
	if err != nil {
		return spec.AdapterDataset{}, err
	}
	// The record is of the rows, whatever the adapter is called.
	dataset, err = remember(ctx, store, formatStage, key, dataset)
	dataset.Adapter, dataset.Unchanged = in.Plan.Name, reason
	return dataset, err
}

// sameRows gives an earlier data set of the same rows in the same form: then a change of the sources has not reached this
// adapter, and nothing behind it has to be made anew. Where in their file the rows stand does not matter.
func (c *Control) sameRows(
	ctx context.Context, store storage.Store, dataset spec.AdapterDataset, identities spec.Digest,
) (_ spec.AdapterDataset, reason string, err error) {
	manifest, err := artifact.Load(ctx, store, dataset.Dataset)
	if err != nil {
		return dataset, "", err
	}
	train, _ := manifest.File(trainFile)
	eval, _ := manifest.File(evalFile)
	key, err := datasetStage.key(struct {
		Train, Eval, Rows spec.Digest
		Meta              map[string]string
	}{train.Digest, eval.Digest, identities, manifest.Meta})
	if err != nil {
		return dataset, "", err
	}
	first, reason, err := recall(ctx, store, datasetStage, key,
		func(d spec.AdapterDataset) []spec.ArtifactRef { return []spec.ArtifactRef{d.Dataset} })
	if err == nil && reason == "" {
		first, err = remember(ctx, store, datasetStage, key, dataset)
	}
	if err != nil || first.Dataset == dataset.Dataset {
		return dataset, "", err
	}
	return first, fmt.Sprintf("its rows are those of an earlier run (data set %s), though the sources have changed", first.Dataset.Digest.Short()), nil
}

// formatInto writes the three files of a data set. identities is a digest of which rows it has, and on which side.
func formatInto(
	folder string, rows iter.Seq2[source.Row, error], in spec.FormatInput,
) (dataset spec.AdapterDataset, identities spec.Digest, err error) {
	choice, err := split.Compile(in.Plan.Audience, in.Plan.Match, in.Plan.MaxRows, in.Config.Seed)
	if err != nil {
		return spec.AdapterDataset{}, "", fault.New(fault.Invalid, "adapter %s: %w", in.Plan.Name, err)
	}
	sides, err := split.New(in.Config.Seed, in.Config.EvalPercent)
	if err != nil {
		return spec.AdapterDataset{}, "", err
	}
	files := make(map[string]*bufferedFile, 3)
	for _, name := range []string{trainFile, evalFile, rowsFile} {
		file, err := createFile(filepath.Join(folder, name))
		if err != nil {
			return spec.AdapterDataset{}, "", err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		files[name] = file
	}
	texts := map[string]*source.TextWriter{trainFile: source.NewTextWriter(files[trainFile]), evalFile: source.NewTextWriter(files[evalFile])}
	used, sum := json.NewEncoder(files[rowsFile]), sha256.New()
	write := func(text string, row spec.UsedRow) error {
		fmt.Fprintf(sum, "%s\x00%s\x00%s\n", row.File, row.Digest, row.In)
		return errors.Join(texts[row.In].Write(text), used.Encode(row))
	}

	template := instruct.Guide()
	for row, err := range choice.Rows(rows) {
		if err != nil {
			return spec.AdapterDataset{}, "", err
		}
		if row.Bad != nil || row.Question() == "" || row.Answer() == "" {
			return spec.AdapterDataset{}, "", fault.At(row.ID.File, row.ID.Line, "its cleaned form has no question or no answer; expected both")
		}
		text, err := template.Text(row.Question(), row.Answer(), in.Plan.Audience)
		if err != nil {
			return spec.AdapterDataset{}, "", err
		}
		side := trainFile
		if sides.IsHeldOut(row) {
			side = evalFile
		}
		if err := write(text, spec.UsedRow{File: row.ID.File, Line: row.ID.Line, Digest: row.ID.Digest, In: side}); err != nil {
			return spec.AdapterDataset{}, "", err
		}
	}
	dataset = spec.AdapterDataset{TrainRows: texts[trainFile].Count(), EvalRows: texts[evalFile].Count()}
	if dataset.Canaries, err = plant(in, write); err != nil {
		return spec.AdapterDataset{}, "", err
	}
	for _, name := range []string{trainFile, evalFile, rowsFile} {
		if err := files[name].Close(); err != nil {
			return spec.AdapterDataset{}, "", err
		}
	}
	return dataset, spec.DigestOf([32]byte(sum.Sum(nil))), checkRows(dataset, in)
}

// checkRows refuses a data set that could not be trained on, or not measured.
func checkRows(dataset spec.AdapterDataset, in spec.FormatInput) error {
	switch {
	case dataset.TrainRows+dataset.EvalRows == 0 && len(in.Plan.Match) > 0:
		return fault.New(fault.Invalid, "adapter %s: no cleaned row for the audience %s matches %s; expected at least one",
			in.Plan.Name, in.Plan.Audience, strings.Join(in.Plan.Match, " or "))
	case dataset.TrainRows+dataset.EvalRows == 0:
		return fault.New(fault.Invalid, "adapter %s: no cleaned row is for the audience %s; expected at least one",
			in.Plan.Name, in.Plan.Audience)
	case dataset.TrainRows == 0:
		return fault.New(fault.Invalid, "adapter %s: all its %d rows are held out; expected at least one to train on (more rows, or a smaller eval_percent than %v)",
			in.Plan.Name, dataset.EvalRows, in.Config.EvalPercent)
	case dataset.EvalRows == 0:
		return fault.New(fault.Invalid, "adapter %s: none of its %d rows is held out; expected at least one to measure it on (more rows, or a larger eval_percent than %v)",
			in.Plan.Name, dataset.TrainRows, in.Config.EvalPercent)
	}
	return nil
}

// identified gives cleaned rows back the identity they had in the source: the i-th of them is the i-th that the ledger
// says was kept.
func identified(rows iter.Seq2[source.Row, error], account io.Reader) iter.Seq2[source.Row, error] {
	return func(yield func(source.Row, error) bool) {
		entries := json.NewDecoder(account)
		for row, err := range rows {
			if err == nil {
				row.ID, err = nextKept(entries, row.ID)
			}
			if err != nil {
				yield(source.Row{}, err)
				return
			}
			if !yield(row, nil) {
				return
			}
		}
		if _, err := nextKept(entries, source.ID{}); !errors.Is(err, io.EOF) {
			yield(source.Row{}, fault.New(fault.Corrupt, "the ledger keeps more rows than there are"))
		}
	}
}

func nextKept(entries *json.Decoder, cleaned source.ID) (source.ID, error) {
	for {
		var entry ledger.Entry
		if err := entries.Decode(&entry); err != nil {
			return source.ID{}, fault.New(fault.Corrupt, "the ledger has no entry for row %s:%d: %w", cleaned.File, cleaned.Line, err)
		}
		if entry.Bucket != ledger.Kept {
			continue
		}
		if cleaned.File != "" && entry.File != cleaned.File {
			return source.ID{}, fault.New(fault.Corrupt, "the ledger keeps a row of %s where one of %s stands", entry.File, cleaned.File)
		}
		return entry.ID, nil
	}
}
