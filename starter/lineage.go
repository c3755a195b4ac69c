package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"elara/spec"
	"elara/starter/terminal"
	"elara/storage"
	"elara/storage/artifact"
)

// origin is one artifact of a lineage as it is shown.
type origin struct {
	Depth int `json:"depth"` // 0: the artifact that was asked for
	spec.ArtifactRef
	Missing bool              `json:"missing,omitempty"`
	Noted   map[string]string `json:"noted,omitempty"` // by its maker: code, machine, audience, template
	Files   []string          `json:"files,omitempty"` // of a source
	Rows    []spec.UsedRow    `json:"rows,omitempty"`  // of a data set, when they are asked for
	Train   int               `json:"train_rows,omitempty"`
	Eval    int               `json:"eval_rows,omitempty"`
}

func newArtifactsLineage(a *app) *cobra.Command {
	var rows, asJSON bool
	command := &cobra.Command{
		Use:   "lineage DIGEST",
		Short: "Show everything that an artifact was made from: rows, configuration, code and machine",
		Long: `Walk from an artifact to everything it was made from, nearest first: from a candidate to its
adapters and report, from an adapter to its configuration, code, machine, base model and
data set, from there to the cleaned rows, the source files and what was withdrawn of them.
With --rows every row of the data sets is named by file, line and digest; never its text.`,
		Example: `  elara artifacts lineage 1f0c5d2a9b3e
  elara artifacts lineage 1f0c5d2a9b3e --rows --json | jq '.[] | select(.kind=="dataset") | .rows[].digest'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd, func(ctx context.Context, store storage.Store) error {
				digest, err := wholeDigest(ctx, store, args[0])
				if err != nil {
					return err
				}
				origins, err := originsOf(ctx, store, digest, rows)
				if err != nil {
					return noneSuch(err)
				}
				if asJSON {
					return a.printJSON(origins)
				}
				_, err = fmt.Fprint(a.out, lineageText(origins))
				return err
			})
		},
	}
	command.Flags().BoolVar(&rows, "rows", false, "name the rows of the data sets")
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}

func originsOf(ctx context.Context, store storage.Store, digest spec.Digest, withRows bool) ([]origin, error) {
	ancestors, err := artifact.Lineage(ctx, store, spec.ArtifactRef{Digest: digest})
	if err != nil {
		return nil, err
	}
	var origins []origin
	for _, ancestor := range ancestors {
		o := origin{Depth: ancestor.Depth, ArtifactRef: ancestor.Ref, Missing: ancestor.Missing, Noted: ancestor.Manifest.Meta}
		switch ancestor.Ref.Kind {
		case spec.KindSource:
			for _, file := range ancestor.Manifest.Files {
				o.Files = append(o.Files, file.Name)
			}
		case spec.KindDataset:
			if o.Rows, err = artifact.ReadRows(ctx, store, ancestor.Ref); err != nil {
				return nil, err
			}
			for _, row := range o.Rows {
				if strings.HasPrefix(row.In, "train") {
					o.Train++
				} else {
					o.Eval++
				}
			}
			if !withRows {
				o.Rows = nil
			}
		}
		origins = append(origins, o)
	}
	return origins, nil
}

func lineageText(origins []origin) string {
	table := terminal.Table{Header: []string{"kind", "digest", "size", "what is known of it"}, Right: []int{2}}
	var rows strings.Builder
	for _, o := range origins {
		var known []string
		if o.Missing {
			known = append(known, "it is gone")
		}
		if o.Train+o.Eval > 0 {
			known = append(known, fmt.Sprintf("%d rows to train on, %d held out", o.Train, o.Eval))
		}
		for _, key := range sortedKeys(o.Noted) {
			known = append(known, key+" "+o.Noted[key])
		}
		known = append(known, o.Files...)
		table.Rows = append(table.Rows, []string{
			strings.Repeat("  ", o.Depth) + string(o.Kind), o.Digest.Short(), terminal.Bytes(o.SizeBytes), strings.Join(known, "; "),
		})
		for _, row := range o.Rows {
			fmt.Fprintf(&rows, "%s  %s:%d  %s\n", row.Digest, row.File, row.Line, row.In)
		}
	}
	if rows.Len() > 0 {
		return table.String() + "\n" + rows.String()
	}
	return table.String()
}

func newArtifactsReached(a *app) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "reached ROW|SOURCE",
		Short: "Name the adapters that a source or a row reached",
		Long: `Name the adapters that were trained on, or measured with, a source or a row, and the
channels that serve them. A source is the name of its file below what the pipeline names,
such as ward-rounds.csv; a row is the digest of its bytes, whole or the first 12 digits or
more, or SOURCE:LINE. Known are the trainings that the store has a record of, and every
adapter that a channel serves, served or is offered.`,
		Example: `  elara artifacts reached ward-rounds.csv
  elara artifacts reached ward-rounds.csv:17
  elara artifacts reached d75f70ed9b0afc10 --json | jq -r .[].adapter`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd, func(ctx context.Context, store storage.Store) error {
				reached, err := artifact.Reached(ctx, store, selectorOf(args[0]))
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(append([]artifact.Reach{}, reached...))
				}
				if len(reached) == 0 {
					a.say("%s has reached no adapter; elara artifacts lineage DIGEST shows the sources of one", args[0])
					return nil
				}
				_, err = fmt.Fprint(a.out, reachedText(reached))
				return err
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}

// selectorOf reads what names rows on a command line.
func selectorOf(text string) spec.RowSelector {
	isDigit := func(c rune) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }
	if len(text) >= shortest && !slices.ContainsFunc([]rune(text), func(c rune) bool { return !isDigit(c) }) {
		return spec.RowSelector{Row: spec.Digest(text)}
	}
	if at := strings.LastIndexByte(text, ':'); at > 0 {
		if line, err := strconv.Atoi(text[at+1:]); err == nil && line > 0 {
			return spec.RowSelector{Source: text[:at], Line: line}
		}
	}
	return spec.RowSelector{Source: text}
}

func reachedText(reached []artifact.Reach) string {
	table := terminal.Table{Header: []string{"adapter", "digest", "rows", "first row", "served by"}, Right: []int{2}}
	for _, r := range reached {
		first := "its data set is gone, it may have had them"
		if !r.Unknown {
			first = fmt.Sprintf("%s %s:%d", r.Rows[0].Digest, r.Rows[0].File, r.Rows[0].Line)
		}
		table.Rows = append(table.Rows, []string{
			string(r.Adapter), r.Ref.Digest.Short(), terminal.Count(int64(len(r.Rows))), first, strings.Join(r.Channels, ", "),
		})
	}
	return table.String()
}
