package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"elara/data/export"
	"elara/data/hub"
	"elara/internal/connect"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
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
	if place, isS3 := strings.CutPrefix(to, "s3://"); isS3 {
		bucket, prefix, _ := strings.Cut(place, "/")
		if prefix = strings.TrimSuffix(prefix, "/"); bucket == "" || prefix == "" {
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

// uploadS3 puts the files beside each other, elara.json last: it says that all are there. What is there already is compared
// and not sent; anything else below the prefix is refused before the first byte.
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
	files := append(slices.Clone(written.Files), export.WrittenFile{
		Name: export.FactsFile, SizeBytes: int64(len(facts)), SHA256: spec.DigestOf(sha256.Sum256(facts)),
	})
	there, err := e.compareS3(ctx, store, files)
	if err != nil {
		return fmt.Errorf("%s: %w", e.to, err)
	}
	var done, total int64
	for _, file := range files {
		total += file.SizeBytes
	}
	told := e.told("sending")
	for _, file := range files {
		if !there[file.Name] {
			if err := putFile(ctx, store, file, filepath.Join(folder, file.Name)); err != nil {
				return fmt.Errorf("%s: %w", e.to, err)
			}
		}
		if done += file.SizeBytes; told != nil {
			told(done, total)
		}
	}
	return nil
}

// compareS3 finds which files an earlier try has sent.
func (e *exporting) compareS3(ctx context.Context, store storage.Store, files []export.WrittenFile) (map[string]bool, error) {
	there := map[string]bool{}
	for info, err := range store.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		known := false
		for _, file := range files {
			if file.Name != info.Key {
				continue
			}
			same, err := holds(ctx, store, file)
			if err != nil {
				return nil, err
			}
			known, there[file.Name] = same, same
		}
		if !known {
			return nil, refuse(fault.Conflict, "", "is not empty: it holds %q, which is no part of this export, expected a prefix of its own",
				info.Key)
		}
	}
	return there, nil
}

// holds compares an object with a file by its content: the store's own tag is no digest.
func holds(ctx context.Context, store storage.Store, file export.WrittenFile) (_ bool, err error) {
	body, info, err := store.Get(ctx, file.Name)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	if info.SizeBytes != file.SizeBytes {
		return false, nil
	}
	hash := sha256.New()
	_, err = io.Copy(hash, body)
	return spec.DigestOf([32]byte(hash.Sum(nil))) == file.SHA256, err
}

// putFile sends one file, whole or not at all. After a lost answer the object decides.
func putFile(ctx context.Context, store storage.Store, file export.WrittenFile, path string) (err error) {
	body, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read what was written: %w", err)
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	_, err = store.Put(ctx, file.Name, body, storage.IfAbsent())
	if !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Transient) {
		return err
	}
	same, readErr := holds(ctx, store, file)
	if readErr == nil && same {
		return nil
	}
	return errors.Join(err, readErr)
}
