package artifact_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/cas"
	"elara/storage/faulty"
	"elara/storage/gateway/gatewaytest"
	"elara/storage/mem"
)

func requireKind(t *testing.T, kind fault.Kind, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, kind, fault.KindOf(err), "%v", err)
}

func overStores(t *testing.T, test func(t *testing.T, store storage.Store)) {
	t.Run("memory", func(t *testing.T) { test(t, mem.New()) })
	t.Run("gateway", func(t *testing.T) { test(t, gatewaytest.Start(t)(t)) })
}

func publish(t *testing.T, store storage.Store, files map[string]string, inputs ...spec.Digest) spec.ArtifactRef {
	t.Helper()
	content := make(map[string][]byte)
	for name, text := range files {
		content[name] = []byte(text)
	}
	ref, err := artifact.PublishBytes(t.Context(), store, spec.KindDataset, content, inputs, nil)
	require.NoError(t, err)
	return ref
}

// folder lays files out on disk.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return root
}

func TestManifestIsCanonical(t *testing.T) {
	store := mem.New()
	a, b := spec.Digest(strings.Repeat("a", 64)), spec.Digest(strings.Repeat("b", 64))
	ref, err := artifact.PublishBytes(t.Context(), store, spec.KindDataset, map[string][]byte{
		"train.jsonl": []byte("hello\n"), "eval.jsonl": nil,
	}, []spec.Digest{b, a, b}, map[string]string{"template": "t", "audience": "patient"})
	require.NoError(t, err)
	// Written by hand, digests by sha256sum.
	const canonical = `{"format":1,"kind":"dataset","files":[` +
		`{"name":"eval.jsonl","digest":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size_bytes":0},` +
		`{"name":"train.jsonl","digest":"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03","size_bytes":6}],` +
		`"inputs":["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"],` +
		`"meta":{"audience":"patient","template":"t"}}`
	content, err := cas.Read(t.Context(), store, ref.Digest)
	require.NoError(t, err)
	require.Equal(t, canonical, string(content))
	require.Equal(t, spec.ArtifactRef{Kind: spec.KindDataset, Digest: "c526e60a54edcaee3513426aa97ba954fe5951d985f08d8da5d855d74b36fbae", SizeBytes: 6}, ref)
}

func TestAFolderComesBackAsItWas(t *testing.T) {
	overStores(t, func(t *testing.T, store storage.Store) {
		files := map[string]string{"config.json": "{}", "sub/deep/model.safetensors": "weights", "größe 肺.txt": "x", "empty": ""}
		ref, err := artifact.Publish(t.Context(), store, spec.KindBaseModel, folder(t, files), nil, nil)
		require.NoError(t, err)
		require.Equal(t, int64(10), ref.SizeBytes)
		m, err := artifact.Load(t.Context(), store, ref)
		require.NoError(t, err)
		require.Len(t, m.Files, 4)
		for name, text := range files {
			content, err := artifact.ReadFile(t.Context(), store, ref, name)
			require.NoError(t, err)
			require.Equal(t, text, string(content))
		}
		_, err = artifact.ReadFile(t.Context(), store, ref, "config")
		requireKind(t, fault.NotFound, err)
		require.NoError(t, artifact.Verify(t.Context(), store, ref))

		again, err := artifact.Publish(t.Context(), store, spec.KindBaseModel, folder(t, files), nil, nil)
		require.NoError(t, err)
		require.Equal(t, ref, again, "equal content has the equal reference")
	})
}

func TestASingleFileAndLinksArePublished(t *testing.T) {
	store := mem.New()
	root := folder(t, map[string]string{"blobs/1": "weights"})
	ref, err := artifact.Publish(t.Context(), store, spec.KindBaseModel, filepath.Join(root, "blobs/1"), nil, nil)
	require.NoError(t, err)
	content, err := artifact.ReadFile(t.Context(), store, ref, "1")
	require.NoError(t, err)
	require.Equal(t, "weights", string(content))

	snapshot := filepath.Join(root, "snapshot")
	require.NoError(t, os.Mkdir(snapshot, 0o700))
	require.NoError(t, os.Symlink("../blobs/1", filepath.Join(snapshot, "model.safetensors")))
	require.NoError(t, os.Symlink("snapshot", filepath.Join(root, "current")))
	linked, err := artifact.Publish(t.Context(), store, spec.KindBaseModel, filepath.Join(root, "current"), nil, nil)
	require.NoError(t, err)
	content, err = artifact.ReadFile(t.Context(), store, linked, "model.safetensors")
	require.NoError(t, err)
	require.Equal(t, "weights", string(content))

	require.NoError(t, os.Symlink("../blobs", filepath.Join(snapshot, "up")))
	_, err = artifact.Publish(t.Context(), store, spec.KindBaseModel, snapshot, nil, nil)
	requireKind(t, fault.Invalid, err)
	require.ErrorContains(t, err, filepath.Join(snapshot, "up")+": expected a file")
	_, err = artifact.Publish(t.Context(), store, spec.KindBaseModel, filepath.Join(root, "nothing"), nil, nil)
	requireKind(t, fault.Invalid, err)
	require.ErrorContains(t, err, filepath.Join(root, "nothing")+": cannot be read: no such file")
}

func TestUnchangedFilesAreNotSentAgain(t *testing.T) {
	store := faulty.New(mem.New(), nil)
	publish(t, store, map[string]string{"a": "one", "b": "two"})
	before := len(store.Ops())
	publish(t, store, map[string]string{"a": "one", "b": "two"})
	for _, op := range store.Ops()[before:] {
		require.Equal(t, faulty.Stat, op.Kind)
	}
}

func TestAnInterruptedPublishLeavesNoArtifact(t *testing.T) {
	for n := 1; ; n++ {
		inner := mem.New()
		_, err := artifact.PublishBytes(t.Context(), faulty.New(inner, faulty.DieBefore(n)), spec.KindDataset,
			map[string][]byte{"a": []byte("one"), "b": []byte("two")}, nil, nil)
		whole := publish(t, mem.New(), map[string]string{"a": "one", "b": "two"})
		there, existsErr := artifact.Exists(t.Context(), inner, whole)
		require.NoError(t, existsErr)
		require.Equal(t, err == nil, there, "death before operation %d", n)
		if err == nil {
			break
		}
	}
}

func TestDamageIsTold(t *testing.T) {
	store := mem.New()
	ref := publish(t, store, map[string]string{"a": "one", "b": "two"})
	m, err := artifact.Load(t.Context(), store, ref)
	require.NoError(t, err)

	_, err = storage.PutBytes(t.Context(), store, cas.Key(m.Files[1].Digest), []byte("twe"), storage.Always())
	require.NoError(t, err)
	_, err = artifact.ReadFile(t.Context(), store, ref, "b")
	requireKind(t, fault.Corrupt, err)
	err = artifact.Verify(t.Context(), store, ref)
	requireKind(t, fault.Corrupt, err)
	require.ErrorContains(t, err, `file "b"`)

	require.NoError(t, store.Delete(t.Context(), cas.Key(m.Files[1].Digest)))
	there, err := artifact.Exists(t.Context(), store, ref)
	require.NoError(t, err)
	require.False(t, there)

	_, err = artifact.Load(t.Context(), store, spec.ArtifactRef{Kind: spec.KindAdapter, Digest: ref.Digest})
	requireKind(t, fault.Invalid, err)
	require.ErrorContains(t, err, "is of kind dataset, expected adapter")
	_, err = artifact.Load(t.Context(), store, spec.ArtifactRef{Digest: ref.Digest, SizeBytes: 7})
	requireKind(t, fault.Invalid, err)
	_, err = artifact.Load(t.Context(), store, spec.ArtifactRef{Digest: m.Files[0].Digest})
	requireKind(t, fault.Corrupt, err)
}

func TestNamesThatLeaveTheFolderAreRefused(t *testing.T) {
	store := mem.New()
	for _, name := range []string{"", ".", "..", "../up", "a/../../up", "/etc/passwd", "a//b", "a/", "./a", `a\b`, "a\x00b"} {
		_, err := artifact.PublishBytes(t.Context(), store, spec.KindDataset, map[string][]byte{name: nil}, nil, nil)
		requireKind(t, fault.Invalid, err)

		// And when someone wrote such a manifest all the same.
		content, err := json.Marshal(artifact.Manifest{Format: 1, Kind: spec.KindDataset, Files: []artifact.File{{Name: name, Blob: cas.BlobOf(nil)}}})
		require.NoError(t, err)
		blob, err := cas.PutBytes(t.Context(), store, content)
		require.NoError(t, err)
		_, err = artifact.NewCache(t.TempDir()).Materialise(t.Context(), store, spec.ArtifactRef{Digest: blob.Digest})
		requireKind(t, fault.Corrupt, err)
	}
	_, err := artifact.PublishBytes(t.Context(), store, spec.KindDataset, map[string][]byte{"a": nil, "a-b": nil, "a/b": nil}, nil, nil)
	requireKind(t, fault.Invalid, err)
	require.ErrorContains(t, err, `"a" as a file and as a folder`)
}

func TestLineageReachesEveryAncestorOnce(t *testing.T) {
	store := mem.New()
	source := publish(t, store, map[string]string{"raw.csv": "rows"})
	cleaned := publish(t, store, map[string]string{"clean.csv": "fewer rows"}, source.Digest)
	gone := publish(t, mem.New(), map[string]string{"base": "weights"})
	adapter := publish(t, store, map[string]string{"adapter": "a"}, cleaned.Digest, gone.Digest, source.Digest)

	ancestors, err := artifact.Lineage(t.Context(), store, adapter)
	require.NoError(t, err)
	depths := make(map[spec.Digest]int)
	for _, ancestor := range ancestors {
		depths[ancestor.Ref.Digest] = ancestor.Depth
		require.Equal(t, ancestor.Ref.Digest == gone.Digest, ancestor.Missing)
	}
	require.Len(t, ancestors, 4)
	require.Equal(t, map[spec.Digest]int{adapter.Digest: 0, cleaned.Digest: 1, gone.Digest: 1, source.Digest: 1}, depths)
	require.Equal(t, cleaned, find(ancestors, cleaned.Digest).Ref)

	marks := make(cas.Marks)
	require.NoError(t, artifact.Mark(t.Context(), store, marks, adapter, gone))
	require.Len(t, marks, 7, "four manifests, three files; the base is gone but may come back")
}

func find(ancestors []artifact.Ancestor, digest spec.Digest) artifact.Ancestor {
	for _, ancestor := range ancestors {
		if ancestor.Ref.Digest == digest {
			return ancestor
		}
	}
	return artifact.Ancestor{}
}
