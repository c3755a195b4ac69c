package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"

	"elara/data/export"
	"elara/data/instruct"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
)

// Buckets opens a prefix of a bucket beside the store, by the store's own endpoint and keys.
type Buckets func(ctx context.Context, bucket, prefix string) (storage.Store, error)

// WriteExport writes a model in a form that other programs run, and keeps it in the store. Unchanged is set when the same was written
// before.
func (c *Control) WriteExport(ctx context.Context, in spec.ExportInput) (spec.Exported, error) {
	return run(ctx, c.Instruments, spec.StageExport, in, c.writeExport)
}

func (c *Control) writeExport(ctx context.Context, in spec.ExportInput) (out spec.Exported, err error) {
	work := begin(ctx, c.Store, spec.Progress{Stage: spec.StageExport}, bulkPatience)
	defer work.end()
	order := export.Order{
		Form: in.Plan.Form, Name: in.Name(), Quantisation: in.Plan.Quant, Audience: in.Plan.Audience, Template: instruct.Guide(),
		Facts: map[string]string{"artifact": string(in.Artifact.Digest)},
	}
	hash, err := order.Template.Hash()
	if err != nil {
		return out, err
	}
	key, err := exportStage.key(struct {
		Artifact, Base, Template spec.Digest
		Name                     string
		Plan                     spec.ModelPlan
	}{in.Artifact.Digest, in.Base.Digest, hash, order.Name, in.Plan})
	if err != nil {
		return out, err
	}
	found, reason, err := recall(work.ctx, work.store, exportStage, key,
		func(e spec.Exported) []spec.ArtifactRef { return []spec.ArtifactRef{e.Ref} })
	if err != nil || reason != "" {
		found.Unchanged = reason
		return found, err
	}
	folder, remove, err := scratch(c.Scratch, "export")
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if err := c.layOut(work.ctx, work.store, in, &order); err != nil {
		return out, err
	}
	made := filepath.Join(folder, "export")
	if _, err := order.Write(work.ctx, made, moved(work)); err != nil {
		return out, fmt.Errorf("export %s: %w", in.Plan, err)
	}
	inputs := present([]spec.Digest{in.Artifact.Digest, in.Base.Digest})
	out.Plan = in.Plan
	if out.Ref, err = artifact.Publish(work.ctx, work.store, spec.KindExport, made, inputs, order.Facts); err != nil {
		return out, err
	}
	return remember(work.ctx, work.store, exportStage, key, out)
}

// layOut brings what is exported onto this machine, and completes the order by what the store knows of it.
func (c *Control) layOut(ctx context.Context, store storage.Store, in spec.ExportInput, order *export.Order) error {
	taught, err := artifact.TaughtBy(ctx, store, in.Artifact)
	if err != nil {
		return err
	}
	if err := order.Suit(taught.Templates, taught.Audiences); err != nil {
		return fmt.Errorf("export %s: %w", in.Plan, err)
	}
	of := &order.Base
	if !in.Base.IsZero() {
		of = &order.Adapter
		order.Facts["base"] = string(in.Base.Digest)
		if order.Form != spec.FormPEFT {
			if order.Base, err = c.Cache.Materialise(ctx, store, in.Base); err != nil {
				return err
			}
		}
	}
	*of, err = c.Cache.Materialise(ctx, store, in.Artifact)
	return err
}

// moved tells of bytes.
func moved(work shift) func(done, total int64) {
	return func(done, total int64) {
		work.pulse.step(spec.Progress{Stage: spec.StageExport, Step: done, TotalSteps: total})
	}
}

// DeliverExport lays an export down below the place that the plan names, in a folder whose name tells its content: nothing that lies
// there is ever replaced, and what lies there already is not sent.
func (c *Control) DeliverExport(ctx context.Context, in spec.DeliverInput) (spec.Exported, error) {
	return run(ctx, c.Instruments, spec.StageExport, in, c.deliverExport)
}

func (c *Control) deliverExport(ctx context.Context, in spec.DeliverInput) (spec.Exported, error) {
	work := begin(ctx, c.Store, spec.Progress{Stage: spec.StageExport}, bulkPatience)
	defer work.end()
	out := spec.Exported{Plan: in.Plan, Ref: in.Export}
	folder, err := c.Cache.Materialise(work.ctx, work.store, in.Export)
	if err != nil {
		return out, err
	}
	manifest, err := artifact.Load(work.ctx, work.store, in.Export)
	if err != nil {
		return out, err
	}
	files := factsLast(manifest.Files)
	name := fmt.Sprintf("%s-%s-%s", in.Name(), in.Plan.Form, in.Export.Digest.Short())
	if bucket, prefix, isS3 := spec.S3Place(in.To); isS3 {
		prefix = path.Join(prefix, name)
		out.Place = "s3://" + bucket + "/" + prefix
		out.Sent, err = c.deliverToBucket(work, bucket, prefix, folder, files)
	} else {
		out.Place = filepath.Join(in.To, name)
		out.Sent, err = deliverToFolder(work.ctx, out.Place, folder, files)
	}
	if err != nil {
		return out, fmt.Errorf("export %s: %s: %w", in.Plan, out.Place, err)
	}
	return out, nil
}

// factsLast puts elara.json behind all others: it says that they are there.
func factsLast(files []artifact.File) []artifact.File {
	isFacts := func(f artifact.File) bool { return f.Name == export.FactsFile }
	at := slices.IndexFunc(files, isFacts)
	if at < 0 {
		return files
	}
	return append(slices.DeleteFunc(slices.Clone(files), isFacts), files[at])
}

func (c *Control) deliverToBucket(work shift, bucket, prefix, folder string, files []artifact.File) (sent int, err error) {
	if c.Buckets == nil {
		return 0, fault.New(fault.Invalid, "this worker reaches no bucket but its store, expected a folder")
	}
	store, err := c.Buckets(work.ctx, bucket, prefix)
	if err != nil {
		return 0, err
	}
	return artifact.Deliver(work.ctx, work.pulse.watch(store), folder, files, moved(work))
}

// deliverToFolder makes a folder that appears when it is complete. One that is there holds the same, or is refused.
func deliverToFolder(ctx context.Context, dir, from string, files []artifact.File) (sent int, err error) {
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		return 0, sameFolder(dir, entries, files)
	}
	return len(files), export.IntoFolder(dir, func(draft string) error {
		for _, file := range files {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := export.CopyFile(filepath.Join(from, file.Name), filepath.Join(draft, file.Name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// sameFolder refuses a folder that holds anything but these files.
func sameFolder(dir string, entries []os.DirEntry, files []artifact.File) error {
	if len(entries) != len(files) {
		return fault.New(fault.Invalid, "holds %d files, expected the %d of this export or a new folder", len(entries), len(files))
	}
	for _, file := range files {
		digest, err := export.FileDigest(filepath.Join(dir, file.Name))
		if err != nil {
			return err
		}
		if digest != file.Digest {
			return fault.New(fault.Invalid, "%s there is not the one of this export, expected it or a new folder", file.Name)
		}
	}
	return nil
}
