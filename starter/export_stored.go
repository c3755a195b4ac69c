package main

import (
	"context"
	"fmt"
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
)

// findStored fetches an artifact, and the base of an adapter, and looks up by what template it was taught.
func (e *exporting) findStored(cmd *cobra.Command, name, scratch string, order *export.Order) error {
	run, part, isOfRun := strings.Cut(name, "/")
	if isOfRun {
		order.Name = e.named(strings.ReplaceAll(run+"-"+part, "/", "-"))
		return e.app.withRun(cmd, []string{run}, func(ctx context.Context, t target, server client.Client, info runInfo) error {
			status, err := askStatus(ctx, server, info)
			if err != nil {
				return err
			}
			ref, err := artifactNamed(status, part)
			if err != nil {
				return err
			}
			store, err := t.store(ctx)
			if err != nil {
				return err
			}
			return e.fetch(ctx, store, ref, scratch, order)
		})
	}
	return e.app.withStore(cmd, func(ctx context.Context, store storage.Store) error {
		digest, err := wholeDigest(ctx, store, name)
		if err != nil {
			return err
		}
		order.Name = e.named("elara-" + digest.Short())
		return e.fetch(ctx, store, spec.ArtifactRef{Digest: digest}, scratch, order)
	})
}

func (e *exporting) fetch(ctx context.Context, store storage.Store, ref spec.ArtifactRef, scratch string, order *export.Order) error {
	manifest, err := artifact.Load(ctx, store, ref)
	if err != nil {
		return noneSuch(err)
	}
	taught, err := artifact.TaughtBy(ctx, store, ref)
	if err != nil {
		return err
	}
	if err := suit(order, taught); err != nil {
		return err
	}
	order.Facts["artifact"] = string(ref.Digest)
	folder := filepath.Join(scratch, "artifact")
	switch manifest.Kind {
	case spec.KindAdapter:
		if order.Adapter = folder; order.Form != export.FormPEFT {
			if len(taught.Bases) != 1 {
				return refuse(fault.NotFound, "", "adapter %s was made from %d base models that the store knows, expected one",
					ref.Digest.Short(), len(taught.Bases))
			}
			order.Base, order.Facts["base"] = filepath.Join(scratch, "base"), string(taught.Bases[0])
			e.app.say("fetching base model %s", taught.Bases[0].Short())
			if err := pull(ctx, store, spec.ArtifactRef{Digest: taught.Bases[0]}, order.Base); err != nil {
				return err
			}
		}
	case spec.KindBaseModel:
		if order.Base = folder; order.Form == export.FormPEFT {
			return refuse(fault.Invalid, "", "artifact %s is a model, and the form peft is one of adapters", ref.Digest.Short())
		}
	default:
		return refuse(fault.Invalid, "", "artifact %s is of kind %s, expected an adapter or a model", ref.Digest.Short(), manifest.Kind)
	}
	e.app.say("fetching %s %s", manifest.Kind, ref.Digest.Short())
	return pull(ctx, store, ref, folder)
}

// transferLine is a bar with the bytes beside it.
func transferLine(doing string, done, total int64) string {
	return fmt.Sprintf("%s %s %s of %s", doing, terminal.Bar(done, total, 30), terminal.Bytes(done), terminal.Bytes(total))
}
