package activities

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/hub"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
)

// shelf is a hub whose models lie in a folder of the test.
type shelf struct {
	folder, commit string
	files          []string
	unreachable    error
	err            error
	asked          []hub.Name
}

func (s *shelf) Fetch(_ context.Context, name hub.Name, moved func(hub.Progress)) (hub.Snapshot, error) {
	s.asked = append(s.asked, name)
	if s.err != nil {
		return hub.Snapshot{}, s.err
	}
	snapshot := hub.Snapshot{Name: name, Commit: s.commit, Folder: s.folder, Unreachable: s.unreachable}
	for _, file := range s.files {
		snapshot.Files = append(snapshot.Files, hub.File{Name: file})
		moved(hub.Progress{File: file, Done: 1, Total: 2})
	}
	return snapshot, nil
}

func TestBaseModelByNameIsWhatTheHubHasOfIt(t *testing.T) {
	r := newRoom(t)
	s := &shelf{commit: "aaaa", files: []string{"config.json", "tokenizer.json", "pytorch_model.bin"}, folder: files(t, map[string]string{
		"config.json": "{}", "tokenizer.json": "{}", "pytorch_model.bin": "w", "tf_model.h5": "what Python has fetched into the same cache",
	})}
	r.control.Hub = s
	ref := do(t, r, r.control.ImportBase, spec.BaseSource{Name: "acme/tiny@v1"})
	require.Equal(t, []hub.Name{{Repo: "acme/tiny", Revision: "v1"}}, s.asked)
	require.Equal(t, []string{"config.json", "pytorch_model.bin", "tokenizer.json"}, r.names(t, ref))
	require.Equal(t, "w", r.read(t, ref, "pytorch_model.bin"))
	manifest, err := artifact.Load(t.Context(), r.store, ref)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"hub_model": "acme/tiny", "hub_commit": "aaaa"}, manifest.Meta)

	s.unreachable = fault.New(fault.Transient, "the hub does not answer")
	require.Equal(t, ref, do(t, r, r.control.ImportBase, spec.BaseSource{Name: "acme/tiny"}), "the same commit by another revision, from the cache")
	s.commit = "bbbb"
	require.NotEqual(t, ref, do(t, r, r.control.ImportBase, spec.BaseSource{Name: "acme/tiny"}))
}

func TestBaseModelThatTheHubDoesNotGiveFailsWithItsKind(t *testing.T) {
	for name, test := range map[string]struct {
		base  string
		hub   Hub
		kind  fault.Kind
		final bool
		says  string
	}{
		"missing":     {"acme/gone", &shelf{err: fault.New(fault.NotFound, `there is no model "acme/gone"`)}, fault.NotFound, true, "acme/gone"},
		"unreachable": {"acme/tiny", &shelf{err: fault.New(fault.Transient, "status 503")}, fault.Transient, false, "503"},
		"no name":     {"./models/tiny", &shelf{}, fault.Invalid, true, "expected owner/name"},
		"no hub":      {"acme/tiny", nil, fault.Invalid, true, `base model "acme/tiny" is on a hub, and this worker reaches none`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			r.control.Hub = test.hub
			_, err := try(t, r, r.control.ImportBase, spec.BaseSource{Name: test.base})
			kind, final := kindOf(t, err)
			require.Equal(t, test.kind, kind)
			require.Equal(t, test.final, final)
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestBaseModelOfTorchFilesIsTakenWhereThereIsNoOther(t *testing.T) {
	r := newRoom(t)
	folder := files(t, map[string]string{
		"config.json": "{}", "pytorch_model-00001-of-00002.bin": "a", "pytorch_model-00002-of-00002.bin": "b",
		"pytorch_model.bin.index.json": "{}", "training_args.bin": "a program", "optimizer.bin": "m",
	})
	ref := do(t, r, r.control.ImportBase, spec.BaseSource{Path: folder})
	require.Equal(t, []string{
		"config.json", "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin", "pytorch_model.bin.index.json",
	}, r.names(t, ref))

	require.NoError(t, os.WriteFile(filepath.Join(folder, "model.safetensors"), []byte("w"), 0o600))
	ref = do(t, r, r.control.ImportBase, spec.BaseSource{Path: folder})
	require.Equal(t, []string{"config.json", "model.safetensors", "pytorch_model.bin.index.json"}, r.names(t, ref))
}
