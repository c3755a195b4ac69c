package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
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
	origin := origins{store: store, seen: map[spec.Digest]bool{}}
	if err := origin.follow(ctx, ref.Digest, manifest); err != nil {
		return err
	}
	if err := origin.complete(order); err != nil {
		return err
	}
	order.Facts["artifact"] = string(ref.Digest)
	folder := filepath.Join(scratch, "artifact")
	switch manifest.Kind {
	case spec.KindAdapter:
		if order.Adapter = folder; order.Form != export.FormPEFT {
			if len(origin.bases) != 1 {
				return refuse(fault.NotFound, "", "adapter %s was made from %d base models that the store knows, expected one",
					ref.Digest.Short(), len(origin.bases))
			}
			order.Base, order.Facts["base"] = filepath.Join(scratch, "base"), string(origin.bases[0])
			e.app.say("fetching base model %s", origin.bases[0].Short())
			if err := pull(ctx, store, spec.ArtifactRef{Digest: origin.bases[0]}, order.Base); err != nil {
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
	if err := pull(ctx, store, ref, folder); err != nil {
		return err
	}
	return e.facts(order)
}

// origins is what an artifact was made from, however many steps ago.
type origins struct {
	store     storage.Store
	seen      map[spec.Digest]bool
	bases     []spec.Digest
	templates []string // hashes of the templates by which it was taught
	audiences []string
}

// follow reads the manifests of all that an artifact was made from, as far as the base models: what those were made from in
// their turn (a pre-training, a merge) is in them already. One that was cleared away tells nothing any more.
func (o *origins) follow(ctx context.Context, digest spec.Digest, m artifact.Manifest) error {
	isAsked := len(o.seen) == 0
	if o.seen[digest] = true; m.Kind == spec.KindBaseModel && !isAsked {
		o.bases = append(o.bases, digest)
		return nil
	}
	o.templates = add(o.templates, m.Meta["template"])
	o.audiences = add(o.audiences, m.Meta["audience"])
	for _, input := range m.Inputs {
		if o.seen[input] {
			continue
		}
		next, err := artifact.Load(ctx, o.store, spec.ArtifactRef{Digest: input})
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := o.follow(ctx, input, next); err != nil {
			return err
		}
	}
	return nil
}

func add(to []string, value string) []string {
	if value == "" || slices.Contains(to, value) {
		return to
	}
	return append(to, value)
}

// complete checks the template, and takes the audience where none is named.
func (o *origins) complete(order *export.Order) error {
	for _, taught := range o.templates {
		if err := order.Template.CheckHash(spec.Digest(taught)); err != nil {
			return err
		}
	}
	switch {
	case order.Audience != "" && len(o.audiences) > 0 && !slices.Contains(o.audiences, string(order.Audience)):
		return refuse(fault.Invalid, "", "--audience %s: the artifact was trained for %s", order.Audience, strings.Join(o.audiences, " and "))
	case order.Audience == "" && len(o.audiences) > 1:
		return refuse(fault.Invalid, "name one with --audience", "the artifact was trained for %s, and has one chat template",
			strings.Join(o.audiences, " and "))
	case order.Audience == "" && len(o.audiences) == 1:
		order.Audience = spec.Audience(o.audiences[0])
	}
	return nil
}

// transferLine is a bar with the bytes beside it.
func transferLine(doing string, done, total int64) string {
	return fmt.Sprintf("%s %s %s of %s", doing, terminal.Bar(done, total, 30), terminal.Bytes(done), terminal.Bytes(total))
}
