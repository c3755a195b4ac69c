package activities

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"

	"elara/data/clean"
	"elara/data/ledger"
	"elara/data/source"
	"elara/spec"
	"elara/storage"
	"elara/storage/artifact"
)

const (
	ledgerFile = "ledger.jsonl" // of a cleaned artifact
	rowsFolder = "rows"         // of a cleaned artifact: its CSV files, named as in the source artifact
)

// Clean cleans all rows of the sources, as one stream, and accounts for each in the ledger.
func (c *Control) Clean(ctx context.Context, in spec.CleanInput) (spec.CleanResult, error) {
	return run(ctx, c.Instruments, spec.StagePrepare, in, c.clean)
}

func (c *Control) clean(ctx context.Context, in spec.CleanInput) (_ spec.CleanResult, err error) {
	work := begin(ctx, c.Store, spec.Progress{Stage: spec.StagePrepare}, bulkPatience)
	defer work.end()
	ctx, store := work.ctx, work.store

	withdrawn, err := artifact.Withdrawn(ctx, store)
	if err != nil {
		return spec.CleanResult{}, err
	}
	key, err := cleanStage.key(struct {
		Sources   spec.Digest
		Columns   []spec.DataSource
		Limits    spec.CleanConfig
		Withdrawn []spec.RowSelector `json:",omitempty"`
	}{in.Sources.Digest, columnsOf(in.Config.Sources), in.Config.Clean, selectorsOf(withdrawn)})
	if err != nil {
		return spec.CleanResult{}, err
	}
	found, reason, err := recall(ctx, store, cleanStage, key,
		func(r spec.CleanResult) []spec.ArtifactRef { return []spec.ArtifactRef{r.Cleaned} })
	if err != nil || reason != "" {
		found.Unchanged = reason
		return found, err
	}

	sets, err := c.open(ctx, store, in.Sources, "", in.Config.Sources)
	if err != nil {
		return spec.CleanResult{}, err
	}
	folder, remove, err := scratch(c.Scratch, "cleaned")
	if err != nil {
		return spec.CleanResult{}, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	left := withdrawalOf(withdrawn)
	counts, err := cleanInto(folder, moving(source.Chain(ctx, sets...), work.pulse), in.Config.Clean, left)
	if err != nil {
		return spec.CleanResult{}, err
	}
	cleaned, err := artifact.Publish(ctx, store, spec.KindCleaned, folder, append(left.inputs(), in.Sources.Digest), nil)
	if err != nil {
		return spec.CleanResult{}, err
	}
	return remember(ctx, store, cleanStage, key,
		spec.CleanResult{Cleaned: cleaned, Ledger: counts.Buckets, RowsRead: counts.RowsRead})
}

// cleanInto writes the kept rows, one CSV file for each that kept any, and the ledger.
func cleanInto(folder string, rows iter.Seq2[source.Row, error], limits spec.CleanConfig, left *withdrawal) (counts ledger.Counts, err error) {
	account, err := createFile(filepath.Join(folder, ledgerFile))
	if err != nil {
		return ledger.Counts{}, err
	}
	defer func() { err = errors.Join(err, account.Close()) }()
	var file *bufferedFile // of the rows that come now
	var out *source.RowWriter
	var name string
	defer func() { err = errors.Join(err, file.Close()) }()

	book := ledger.New(account)
	for row, err := range clean.Rows(left.without(rows, book), limits, book) {
		if err != nil {
			return ledger.Counts{}, err
		}
		if file == nil || row.ID.File != name {
			if err := file.Close(); err != nil {
				return ledger.Counts{}, err
			}
			name = row.ID.File
			if file, err = createFile(filepath.Join(folder, rowsFolder, filepath.FromSlash(name))); err != nil {
				return ledger.Counts{}, err
			}
			if out, err = source.NewRowWriter(file, row.Header); err != nil {
				return ledger.Counts{}, err
			}
		}
		if err := out.Write(row); err != nil {
			return ledger.Counts{}, err
		}
	}
	return book.Balance()
}

// open makes one set of rows per data source out of an artifact that holds a folder for each, below a prefix. Rows are
// identified by the file's name in the source artifact; errors name the file as the user knows it.
func (c *Control) open(
	ctx context.Context, store storage.Store, ref spec.ArtifactRef, prefix string, sources []spec.DataSource,
) ([]source.Set, error) {
	manifest, err := artifact.Load(ctx, store, ref)
	if err != nil {
		return nil, err
	}
	folder, err := c.Cache.Materialise(ctx, store, ref)
	if err != nil {
		return nil, err
	}
	sets := make([]source.Set, len(sources))
	for i, from := range sources {
		sets[i] = source.Set{
			Columns:   source.Columns{Question: from.QuestionColumn, Answer: from.AnswerColumn, Audience: from.AudienceColumn},
			Audiences: from.Audiences,
		}
		for _, file := range manifest.Files { // in the order of their names
			name, isRows := strings.CutPrefix(file.Name, prefix)
			below, isOfSource := strings.CutPrefix(name, sourceFolder(i)+"/")
			if !isRows || !isOfSource {
				continue
			}
			local := filepath.Join(folder, filepath.FromSlash(file.Name))
			sets[i].Files = append(sets[i].Files, source.File{
				Path: shown(from.Path, below), Name: name,
				Open: func() (io.ReadCloser, error) { return os.Open(local) },
			})
		}
	}
	return sets, nil
}

// shown is the path of a source's file as the user knows it: the source itself, or a file below what it names.
func shown(sourcePath, name string) string {
	if prefix, inStore := strings.CutPrefix(sourcePath, storePrefix); inStore {
		return storePrefix + prefix[:strings.LastIndexByte(prefix, '/')+1] + name
	}
	if meta := strings.IndexAny(sourcePath, "*?["); meta >= 0 {
		return sourcePath[:strings.LastIndexByte(sourcePath[:meta], '/')+1] + name
	}
	if path.Base(sourcePath) == name {
		return sourcePath
	}
	return strings.TrimSuffix(sourcePath, "/") + "/" + name
}

// columnsOf leaves out where the files lie: the same files elsewhere give the same rows.
func columnsOf(sources []spec.DataSource) []spec.DataSource {
	columns := make([]spec.DataSource, len(sources))
	for i, from := range sources {
		columns[i] = from
		columns[i].Path = ""
	}
	return columns
}

// moving makes every row count as a step forward.
func moving(rows iter.Seq2[source.Row, error], pulse *pulse) iter.Seq2[source.Row, error] {
	return func(yield func(source.Row, error) bool) {
		for row, err := range rows {
			pulse.row()
			if !yield(row, err) {
				return
			}
		}
	}
}
