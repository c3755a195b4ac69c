package activities

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/data/export"
	"elara/data/instruct"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/storage/mem"
)

// exportModels are the tiny models of data/export's tests.
const exportModels = "../data/export/testdata"

// exportInput is an export of an adapter that was taught for doctors, with its base, both in the store.
func exportInput(t *testing.T, r *room, form spec.ExportForm, quant string) spec.ExportInput {
	t.Helper()
	hash, err := instruct.Guide().Hash()
	require.NoError(t, err)
	base, err := artifact.Publish(t.Context(), r.store, spec.KindBaseModel, filepath.Join(exportModels, "llama"), nil, nil)
	require.NoError(t, err)
	set, err := artifact.PublishBytes(t.Context(), r.store, spec.KindDataset, map[string][]byte{trainFile: nil}, nil, map[string]string{templateMeta: string(hash), "audience": "doctor"})
	require.NoError(t, err)
	adapter, err := artifact.Publish(t.Context(), r.store, spec.KindAdapter, filepath.Join(exportModels, "llama-lora"), []spec.Digest{base.Digest, set.Digest}, nil)
	require.NoError(t, err)
	return spec.ExportInput{
		Run: "run-1", Pipeline: "nightly", To: filepath.Join(t.TempDir(), "exports"), Plan: spec.ModelPlan{Model: "doctor", Form: form, Quant: quant}, Artifact: adapter, Base: base,
	}
}

func TestExportIsPublishedWithWhatItWasMadeOfAndFoundAgain(t *testing.T) {
	r := newRoom(t)
	in := exportInput(t, r, spec.FormGGUF, "Q8_0")
	made := do(t, r, r.control.WriteExport, in)
	require.Empty(t, made.Unchanged)
	require.Equal(t, []string{"Modelfile", "elara.json", "nightly-doctor.Q8_0.gguf"}, r.names(t, made.Ref))
	manifest, err := artifact.Load(t.Context(), r.store, made.Ref)
	require.NoError(t, err)
	require.Equal(t, spec.KindExport, manifest.Kind)
	require.ElementsMatch(t, []spec.Digest{in.Artifact.Digest, in.Base.Digest}, manifest.Inputs)
	var facts export.Written
	require.NoError(t, json.Unmarshal([]byte(r.read(t, made.Ref, export.FactsFile)), &facts))
	require.Equal(t, []string{"doctor", string(in.Artifact.Digest), string(in.Base.Digest)}, []string{facts.Facts["audience"], facts.Facts["artifact"], facts.Facts["base"]})

	in.Run, in.To = "run-2", "elsewhere" // no part of what an export is
	again := do(t, r, r.control.WriteExport, in)
	require.NotEmpty(t, again.Unchanged)
	require.Equal(t, made.Ref, again.Ref)
	in.Plan.Quant = "F16"
	require.Empty(t, do(t, r, r.control.WriteExport, in).Unchanged)
}

func TestModelIsExportedAsAFolder(t *testing.T) {
	r := newRoom(t)
	in := exportInput(t, r, spec.FormHF, "")
	in.Artifact, in.Base = in.Base, spec.ArtifactRef{}
	in.Plan.Model, in.Plan.Audience = spec.ModelStudent, spec.Patient
	made := do(t, r, r.control.WriteExport, in)
	require.Contains(t, r.names(t, made.Ref), "chat_template.jinja")
	jinja, err := instruct.Guide().Jinja(spec.Patient, false)
	require.NoError(t, err)
	require.Equal(t, jinja, r.read(t, made.Ref, "chat_template.jinja"))
}

func TestExportOfAnotherTemplateOrAudienceIsRefused(t *testing.T) {
	r := newRoom(t)
	in := exportInput(t, r, spec.FormPEFT, "")
	in.Plan.Audience = spec.Patient
	_, err := try(t, r, r.control.WriteExport, in)
	kind, final := kindOf(t, err)
	require.Equal(t, fault.Invalid, kind)
	require.True(t, final)
	require.ErrorContains(t, err, "export doctor as peft: audience patient: the artifact was trained for doctor")
}

func TestExportIsLaidDownOnceAndNothingIsReplaced(t *testing.T) {
	r := newRoom(t)
	in := exportInput(t, r, spec.FormPEFT, "")
	made := do(t, r, r.control.WriteExport, in)
	order := spec.DeliverInput{ExportInput: in, Export: made.Ref}
	laid := do(t, r, r.control.DeliverExport, order)
	require.Equal(t, filepath.Join(in.To, "nightly-doctor-peft-"+made.Ref.Digest.Short()), laid.Place)
	require.Equal(t, len(r.names(t, made.Ref)), laid.Sent)
	for _, name := range r.names(t, made.Ref) {
		content, err := os.ReadFile(filepath.Join(laid.Place, name))
		require.NoError(t, err)
		require.Equal(t, r.read(t, made.Ref, name), string(content))
	}
	require.Zero(t, do(t, r, r.control.DeliverExport, order).Sent)

	require.NoError(t, os.WriteFile(filepath.Join(laid.Place, "tokenizer.json"), []byte("other"), 0o600))
	_, err := try(t, r, r.control.DeliverExport, order)
	kind, _ := kindOf(t, err)
	require.Equal(t, fault.Invalid, kind)
	require.ErrorContains(t, err, "tokenizer.json there is not the one of this export, expected it or a new folder")
}

func TestExportGoesToABucketAndOnWhereItStopped(t *testing.T) {
	r := newRoom(t)
	bucket := mem.New()
	var asked []string
	r.control.Buckets = func(_ context.Context, name, prefix string) (storage.Store, error) {
		asked = append(asked, name, prefix)
		return bucket, nil
	}
	in := exportInput(t, r, spec.FormPEFT, "")
	in.To = "s3://models/elara/"
	made := do(t, r, r.control.WriteExport, in)
	order := spec.DeliverInput{ExportInput: in, Export: made.Ref}
	laid := do(t, r, r.control.DeliverExport, order)
	name := "nightly-doctor-peft-" + made.Ref.Digest.Short()
	require.Equal(t, "s3://models/elara/"+name, laid.Place)
	require.Equal(t, []string{"models", "elara/" + name}, asked)
	require.Equal(t, 6, laid.Sent)

	// As after a kill: the last files are missing.
	require.NoError(t, bucket.Delete(t.Context(), "elara.json"))
	require.NoError(t, bucket.Delete(t.Context(), "tokenizer.json"))
	require.Equal(t, 2, do(t, r, r.control.DeliverExport, order).Sent)
	require.Zero(t, do(t, r, r.control.DeliverExport, order).Sent)

	_, err := storage.PutBytes(t.Context(), bucket, "else", []byte("other"), storage.Always())
	require.NoError(t, err)
	_, err = try(t, r, r.control.DeliverExport, order)
	require.ErrorContains(t, err, laid.Place+`: is not empty: it holds "else", which is no part of this export`)

	r.control.Buckets = nil
	_, err = try(t, r, r.control.DeliverExport, order)
	require.ErrorContains(t, err, "this worker reaches no bucket but its store, expected a folder")
}
