package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"elara/data/export"
	"elara/data/hub"
	"elara/internal/connect"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
	"elara/storage/cas"
)

// goal is where an export goes: one of a folder, a bucket and a hub.
type goal struct {
	folder         string
	bucket, prefix string
	repo           hub.Name
}

func (g goal) isFolder() bool { return g.folder != "" }

// parseGoal reads --to.
func parseGoal(to string) (goal, error) {
	if to == "" {
		return goal{}, usageError{errors.New("expected --to with a folder, s3://bucket/prefix or hub:owner/name")}
	}
	if bucket, prefix, isS3 := spec.S3Place(to); isS3 {
		if bucket == "" || prefix == "" {
			return goal{}, fault.New(fault.Invalid, "--to %s: expected s3://bucket/prefix", to)
		}
		return goal{bucket: bucket, prefix: prefix}, nil
	}
	if name, isHub := strings.CutPrefix(to, "hub:"); isHub {
		repo, err := hub.ParseName(name)
		if err == nil && !strings.Contains(repo.Repo, "/") {
			err = fault.New(fault.Invalid, "%q has no owner, expected owner/name", name)
		}
		return goal{repo: repo}, err
	}
	return goal{folder: to}, nil
}

// upload sends a finished folder, and gives the commit of a hub.
func (e *exporting) upload(cmd *cobra.Command, to goal, folder string, written export.Written) (commit string, err error) {
	if to.bucket != "" {
		return "", e.uploadS3(cmd, to, folder, written)
	}
	settings, err := hub.FromEnvironment(e.app.getenv)
	if err != nil {
		return "", err
	}
	client, err := hub.New(settings)
	if err != nil {
		return "", err
	}
	var files []string
	for _, file := range written.Files {
		files = append(files, file.Name)
	}
	return client.Upload(cmd.Context(), hub.Upload{
		To: to.repo, Folder: folder, Files: append(files, export.FactsFile), Message: "Upload " + string(written.Form), Private: !e.public,
	}, e.told("sending"))
}

// uploadS3 puts the files beside each other, elara.json last: it says that all are there.
func (e *exporting) uploadS3(cmd *cobra.Command, to goal, folder string, written export.Written) error {
	ctx := cmd.Context()
	t, err := e.app.target(cmd)
	if err != nil {
		return err
	}
	at := t.settings.S3
	at.Bucket, at.Prefix = to.bucket, to.prefix
	store, err := connect.Store(ctx, at)
	if err != nil {
		return err
	}
	facts, err := os.ReadFile(filepath.Join(folder, export.FactsFile))
	if err != nil {
		return fmt.Errorf("read what was written: %w", err)
	}
	var files []artifact.File
	for _, file := range written.Files {
		files = append(files, artifact.File{Name: file.Name, Blob: cas.Blob{Digest: file.SHA256, SizeBytes: file.SizeBytes}})
	}
	files = append(files, artifact.File{Name: export.FactsFile, Blob: cas.BlobOf(facts)})
	if _, err := artifact.Deliver(ctx, store, folder, files, e.told("sending")); err != nil {
		return fmt.Errorf("%s: %w", e.to, err)
	}
	return nil
}
