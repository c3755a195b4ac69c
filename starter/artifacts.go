package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"elara/data/export"
	"elara/spec"
	"elara/spec/fault"
	"elara/starter/terminal"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/cas"
)

func newArtifacts(a *app) *cobra.Command {
	command := &cobra.Command{
		Use:   "artifacts",
		Short: "List, look into, trace, fetch and clear away what runs have made",
		Example: `  elara artifacts list winter-2026
  elara artifacts pull winter-2026 patient ./patient-adapter
  elara artifacts reached ward-rounds.csv
  elara artifacts prune`,
	}
	return group(command, newArtifactsList(a), newArtifactsShow(a), newArtifactsPull(a), newArtifactsLineage(a), newArtifactsReached(a), newArtifactsPrune(a))
}

// namedArtifact is an artifact of a run under the name that pull takes.
type namedArtifact struct {
	Name string `json:"name"`
	spec.ArtifactRef
}

// artifactsOf lists what a run has made so far, in the order in which it is made.
func artifactsOf(status spec.PipelineStatus) []namedArtifact {
	all := []namedArtifact{{"base", status.Base}}
	for _, adapter := range status.Adapters {
		all = append(all, namedArtifact{string(adapter.Adapter), adapter.Ref})
	}
	for _, aligned := range status.RLHF {
		all = append(all, namedArtifact{string(aligned.Adapter) + "/reward", aligned.RewardReport}, namedArtifact{string(aligned.Adapter) + "/rlhf", aligned.Report})
	}
	if status.Merge != nil {
		all = append(all, namedArtifact{string(spec.ModelMerged), status.Merge.Best})
	}
	if status.Distill != nil {
		all = append(all, namedArtifact{string(spec.ModelStudent), status.Distill.Student})
	}
	for _, score := range status.Scores {
		all = append(all, namedArtifact{string(score.Adapter) + "/answers", score.Report})
	}
	all = append(all, namedArtifact{"report", status.Report}, namedArtifact{"candidate", status.Candidate})
	if status.Gates != nil {
		all = append(all, namedArtifact{"gates", status.Gates.Report})
	}
	if status.Export != nil {
		for _, e := range status.Export.Exports {
			all = append(all, namedArtifact{strings.ReplaceAll(e.Plan.String(), " ", "-"), e.Ref})
		}
	}
	var made []namedArtifact
	for _, named := range all {
		if !named.IsZero() {
			made = append(made, named)
		}
	}
	return made
}

func newArtifactsList(a *app) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:     "list RUN",
		Short:   "List what a run has made",
		Example: "  elara artifacts list winter-2026 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var status spec.PipelineStatus
			err := a.withRun(cmd, args, func(ctx context.Context, _ target, server client.Client, run runInfo) (err error) {
				status, err = askStatus(ctx, server, run)
				return err
			})
			if err != nil {
				return err
			}
			made := artifactsOf(status)
			if asJSON {
				return a.printJSON(append([]namedArtifact{}, made...))
			}
			table := terminal.Table{Header: []string{"name", "kind", "size", "digest"}, Right: []int{2}}
			for _, named := range made {
				table.Rows = append(table.Rows, []string{named.Name, string(named.Kind), terminal.Bytes(named.SizeBytes), string(named.Digest)})
			}
			_, err = fmt.Fprint(a.out, table)
			return err
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}

func newArtifactsShow(a *app) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "show DIGEST",
		Short: "Show what an artifact consists of and what it was made from",
		Long: `Show the manifest of an artifact: its files with size and digest, the artifacts it was
made from, and what its maker noted. The first 12 digits of its digest are enough.`,
		Example: "  elara artifacts show 1f0c5d2a9b3e",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd, func(ctx context.Context, store storage.Store) error {
				digest, err := wholeDigest(ctx, store, args[0])
				if err != nil {
					return err
				}
				manifest, err := artifact.Load(ctx, store, spec.ArtifactRef{Digest: digest})
				if err != nil {
					return noneSuch(err)
				}
				if asJSON {
					return a.printJSON(manifest)
				}
				_, err = fmt.Fprint(a.out, manifestText(digest, manifest))
				return err
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}

// wholeDigest completes the first digits of a digest from what the store holds.
func wholeDigest(ctx context.Context, store storage.Store, digits string) (spec.Digest, error) {
	if spec.Digest(digits).Check() == nil {
		return spec.Digest(digits), nil
	}
	if len(digits) < shortest {
		return "", fault.New(fault.Invalid, "digest %q: expected 64 hexadecimal digits, or the first %d or more", digits, shortest)
	}
	var found []spec.Digest
	for info, err := range store.List(ctx, cas.Key(spec.Digest(digits))) {
		if err != nil {
			return "", err
		}
		found = append(found, spec.Digest(info.Key[len(cas.Prefix):]))
	}
	switch len(found) {
	case 0:
		return "", refuse(fault.NotFound, "", "no artifact's digest begins with %s", digits)
	case 1:
		return found[0], nil
	}
	return "", fault.New(fault.Invalid, "digest %s: %d objects begin with it, expected more digits", digits, len(found))
}

func manifestText(digest spec.Digest, m artifact.Manifest) string {
	text := fmt.Sprintf("Digest  %s\nKind    %s\nSize    %s\n\n", digest, m.Kind, terminal.Bytes(m.SizeBytes()))
	files := terminal.Table{Header: []string{"file", "size", "digest"}, Right: []int{1}}
	for _, file := range m.Files {
		files.Rows = append(files.Rows, []string{file.Name, terminal.Bytes(file.SizeBytes), string(file.Digest)})
	}
	text += files.String()
	if len(m.Inputs) > 0 {
		text += "\nMade from\n"
		for _, input := range m.Inputs {
			text += fmt.Sprintf("  %s\n", input)
		}
	}
	if len(m.Meta) > 0 {
		text += "\nNoted\n"
		for _, key := range sortedKeys(m.Meta) {
			text += fmt.Sprintf("  %s: %s\n", key, m.Meta[key])
		}
	}
	return text
}

func newArtifactsPull(a *app) *cobra.Command {
	command := &cobra.Command{
		Use:   "pull RUN ADAPTER DIR",
		Short: "Fetch an adapter as a folder that PEFT can load",
		Long: `Fetch an artifact of a run by the name that elara artifacts list shows, mostly an
adapter. Every file is checked against its digest. DIR must not exist yet, or be
empty; it appears when it is complete.`,
		Example: "  elara artifacts pull winter-2026 patient ./patient-adapter",
		Args:    cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd, args, func(ctx context.Context, t target, server client.Client, run runInfo) error {
				status, err := askStatus(ctx, server, run)
				if err != nil {
					return err
				}
				ref, err := artifactNamed(status, args[1])
				if err != nil {
					return err
				}
				store, err := t.store(ctx)
				if err != nil {
					return err
				}
				if err := pull(ctx, store, ref, args[2]); err != nil {
					return err
				}
				if err := writeCard(ctx, store, status.Gates, spec.AdapterName(args[1]), args[2]); err != nil {
					return err
				}
				_, err = fmt.Fprintln(a.out, args[2])
				return err
			})
		},
	}
	return command
}

// artifactNamed finds an artifact of a run by its name.
func artifactNamed(status spec.PipelineStatus, name string) (spec.ArtifactRef, error) {
	var names []string
	for _, named := range artifactsOf(status) {
		if named.Name == name {
			return named.ArtifactRef, nil
		}
		names = append(names, named.Name)
	}
	return spec.ArtifactRef{}, refuse(fault.NotFound, "", "run %s has no artifact %q yet, it has %v", status.Run, name, names)
}

// pull lays an artifact out in a folder, which gets its name when everything in it is verified. It must not be there
// yet, or be empty.
func pull(ctx context.Context, store storage.Store, ref spec.ArtifactRef, dir string) error {
	return export.IntoFolder(dir, func(draft string) error {
		manifest, err := artifact.Load(ctx, store, ref)
		if err != nil {
			return err
		}
		for _, file := range manifest.Files {
			if err := pullFile(ctx, store, file, draft); err != nil {
				return fmt.Errorf("fetch %s: %w", file.Name, err)
			}
		}
		return nil
	})
}

func pullFile(ctx context.Context, store storage.Store, file artifact.File, folder string) error {
	path := filepath.Join(folder, filepath.FromSlash(file.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := cas.CopyTo(ctx, store, file.Blob, out); err != nil {
		_ = out.Close() // the copy's error is the cause
		return err
	}
	return out.Close()
}
