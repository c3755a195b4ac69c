package artifact

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
)

// Deliver puts files of a finished folder beside each other into a store, or a prefix of one, that is theirs alone: in order, so that
// the last one says that all are there. What is there already is compared by its content and not sent; anything else that is there is
// refused before the first byte. told, which may be nil, hears of bytes. sent is the number of files that were not there.
func Deliver(ctx context.Context, to storage.Store, folder string, files []File, told func(done, total int64)) (sent int, err error) {
	there, err := compare(ctx, to, files)
	if err != nil {
		return 0, err
	}
	done, total := int64(0), Manifest{Files: files}.SizeBytes()
	for _, file := range files {
		if !there[file.Name] {
			if err := deliverFile(ctx, to, file, filepath.Join(folder, filepath.FromSlash(file.Name))); err != nil {
				return sent, err
			}
			sent++
		}
		if done += file.SizeBytes; told != nil {
			told(done, total)
		}
	}
	return sent, nil
}

// compare finds which files an earlier try has sent.
func compare(ctx context.Context, store storage.Store, files []File) (map[string]bool, error) {
	there := map[string]bool{}
	for info, err := range store.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(files, func(f File) bool { return f.Name == info.Key })
		isOurs := i >= 0
		if isOurs {
			if isOurs, err = holds(ctx, store, files[i]); err != nil {
				return nil, err
			}
		}
		if !isOurs {
			return nil, fault.New(fault.Invalid,
				"is not empty: it holds %q, which is no part of this export, expected a prefix of its own", info.Key)
		}
		there[info.Key] = true
	}
	return there, nil
}

// holds compares an object with a file by its content: the store's own tag is no digest.
func holds(ctx context.Context, store storage.Store, file File) (_ bool, err error) {
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
	return spec.DigestOf([32]byte(hash.Sum(nil))) == file.Digest, err
}

// deliverFile sends one file, whole or not at all. After a lost answer the object decides.
func deliverFile(ctx context.Context, store storage.Store, file File, path string) (err error) {
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
