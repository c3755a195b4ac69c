package activities

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage/cas"
)

func TestBaseModelIsTakenWithoutWhatIsNoPartOfIt(t *testing.T) {
	r := newRoom(t)
	folder := files(t, map[string]string{
		"config.json": "{}", "model.safetensors": "w", "tokenizer.json": "{}", "merges.txt": "m",
		"pytorch_model.bin": "the same weights", "README.md": "text", "onnx/model.onnx": "the same weights", ".index.json": "x",
	})
	elsewhere := filepath.Join(t.TempDir(), "blob") // hubs keep the bytes elsewhere and link to them
	require.NoError(t, os.Rename(filepath.Join(folder, "model.safetensors"), elsewhere))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(folder, "model.safetensors")))

	ref := do(t, r, r.control.ImportBase, spec.BaseSource{Path: folder})
	require.Equal(t, []string{"config.json", "merges.txt", "model.safetensors", "tokenizer.json"}, r.names(t, ref))
	require.Equal(t, "w", r.read(t, ref, "model.safetensors"))
	require.Equal(t, ref, do(t, r, r.control.ImportBase, spec.BaseSource{Path: folder}), "a second time")

	t.Run("or named by its digest", func(t *testing.T) {
		require.Equal(t, ref, do(t, r, r.control.ImportBase, spec.BaseSource{Artifact: spec.ArtifactRef{Digest: ref.Digest}}))
		require.NoError(t, r.store.Delete(t.Context(), cas.Key(cas.BlobOf([]byte("w")).Digest)))
		_, err := try(t, r, r.control.ImportBase, spec.BaseSource{Artifact: ref})
		kind, final := kindOf(t, err)
		require.Equal(t, fault.NotFound, kind)
		require.True(t, final)
	})
}

func TestBaseModelInOneFile(t *testing.T) {
	r := newRoom(t)
	ref := do(t, r, r.control.ImportBase, spec.BaseSource{Path: filepath.Join(files(t, map[string]string{"tiny.gguf": "w"}), "tiny.gguf")})
	folder, err := r.control.Cache.Materialise(t.Context(), r.store, ref)
	require.NoError(t, err)
	path, err := modelPath(folder)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(folder, "tiny.gguf"), path)
}

func TestWhatIsNoBaseModelIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ file, says string }{
		"missing":           {"", "no such base model; expected a folder"},
		"another file":      {"model.bin", "not a base model; expected a folder"},
		"no weights":        {"folder/config.json", "expected config.json and *.safetensors or pytorch_model.bin"},
		"no configuration":  {"folder/model.safetensors", "expected config.json and *.safetensors or pytorch_model.bin"},
		"only other format": {"folder/tf_model.h5", "expected config.json and *.safetensors or pytorch_model.bin"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			path := filepath.Join(t.TempDir(), "nothing")
			if test.file != "" {
				root := files(t, map[string]string{test.file: "x"})
				path = filepath.Join(root, test.file)
				if filepath.Dir(test.file) != "." {
					path = filepath.Dir(path)
				}
			}
			_, err := try(t, r, r.control.ImportBase, spec.BaseSource{Path: path})
			kind, final := kindOf(t, err)
			require.Equal(t, fault.Invalid, kind)
			require.True(t, final)
			require.ErrorContains(t, err, path+": ")
			require.ErrorContains(t, err, test.says)
		})
	}
}
