package artifact_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/cas"
	"elara/storage/faulty"
	"elara/storage/mem"
)

var modelFiles = map[string]string{"config.json": "{}", "sub/model.safetensors": "weights"}

func requireFiles(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		content, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		require.Equal(t, text, string(content))
	}
}

func TestACopyIsMadeOnce(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		counted := faulty.New(store, nil)
		ref := publish(t, counted, modelFiles)
		cache := artifact.NewCache(filepath.Join(t.TempDir(), "cache"))
		first, err := cache.Materialise(t.Context(), counted, ref)
		require.NoError(t, err)
		requireFiles(t, first, modelFiles)
		before := len(counted.Ops())
		second, err := cache.Materialise(t.Context(), counted, ref)
		require.NoError(t, err)
		require.Equal(t, first, second)
		require.Len(t, counted.Ops(), before+1, "the manifest alone is read again")
	})
}

func TestAChangedCopyIsRepaired(t *testing.T) {
	store := mem.New()
	ref := publish(t, store, modelFiles)
	cache := artifact.NewCache(t.TempDir())
	folder, err := cache.Materialise(t.Context(), store, ref)
	require.NoError(t, err)
	path := filepath.Join(folder, "sub/model.safetensors")
	for name, change := range map[string]func() error{
		"other bytes of the same size": func() error {
			return os.WriteFile(path, []byte("WEIGHTS"), 0o600)
		},
		"cut, with its time kept": func() error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte("wei"), 0o600); err != nil {
				return err
			}
			return os.Chtimes(path, time.Time{}, info.ModTime())
		},
		"removed":             func() error { return os.Remove(path) },
		"its folder removed":  func() error { return os.RemoveAll(filepath.Dir(path)) },
		"replaced by a link":  func() error { _ = os.Remove(path); return os.Symlink("/etc/hostname", path) },
		"nothing was changed": func() error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.Chmod(path, 0o600); err != nil {
				require.ErrorIs(t, err, os.ErrNotExist)
			}
			require.NoError(t, change())
			again, err := cache.Materialise(t.Context(), store, ref)
			require.NoError(t, err)
			require.Equal(t, folder, again)
			requireFiles(t, folder, modelFiles)
		})
	}
}

func TestADamagedArtifactIsNotCopied(t *testing.T) {
	store := mem.New()
	ref := publish(t, store, modelFiles)
	_, err := storage.PutBytes(t.Context(), store, cas.Key(cas.BlobOf([]byte("weights")).Digest), []byte("wEights"), storage.Always())
	require.NoError(t, err)
	root := t.TempDir()
	_, err = artifact.NewCache(root).Materialise(t.Context(), store, ref)
	requireKind(t, fault.Corrupt, err)
	left, err := os.ReadDir(root)
	require.NoError(t, err)
	require.Empty(t, left, "an interrupted copy leaves nothing")
}

func TestAFullOrReadOnlyDiskIsNotCorruption(t *testing.T) {
	store := mem.New()
	ref := publish(t, store, modelFiles)
	file := filepath.Join(t.TempDir(), "a file where the cache should be")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := artifact.NewCache(file).Materialise(t.Context(), store, ref)
	requireKind(t, fault.Transient, err)
}

func TestManyMayAskForOneCopyAtOnce(t *testing.T) {
	store := faulty.New(mem.New(), nil)
	ref := publish(t, store, modelFiles)
	before := len(store.Ops())
	root := t.TempDir()
	caches := []*artifact.Cache{artifact.NewCache(root), artifact.NewCache(root)} // as two processes would
	errs := make([]error, 16)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			folder, err := caches[i%2].Materialise(t.Context(), store, ref)
			if err == nil {
				_, err = os.Stat(filepath.Join(folder, "sub/model.safetensors"))
			}
			errs[i] = err
		})
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	// 16 manifests; two files at most once per process.
	require.LessOrEqual(t, len(store.Ops())-before, 16+2*2)
	left, err := os.ReadDir(root)
	require.NoError(t, err)
	require.Len(t, left, 1)
}
