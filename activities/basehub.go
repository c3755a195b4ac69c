package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/activity"

	"elara/data/hub"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
)

// Hub brings base models onto this machine by their names. *hub.Client is one.
type Hub interface {
	// Fetch gives a whole model in a local cache, and calls moved from its own goroutine whenever bytes have come.
	Fetch(ctx context.Context, name hub.Name, moved func(hub.Progress)) (hub.Snapshot, error)
}

// What the artifact of a base model from a hub says of its origin. It is part of the artifact's digest: a new commit is a
// new base model.
const (
	hubModelMeta  = "hub_model"  // owner/name
	hubCommitMeta = "hub_commit" // what the revision meant when it was fetched
)

// fetchBase freezes a model of a hub. Only the files that the snapshot lists are taken: the cache may hold others beside
// them.
func (c *Control) fetchBase(work shift, text string) (_ spec.ArtifactRef, err error) {
	name, err := hub.ParseName(text)
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	if c.Hub == nil {
		return spec.ArtifactRef{}, fault.New(fault.Invalid, "base model %q is on a hub, and this worker reaches none", text)
	}
	snapshot, err := c.Hub.Fetch(work.ctx, name, func(hub.Progress) { work.pulse.move() })
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	tellSnapshot(work.ctx, snapshot)
	folder, remove, err := scratch(c.Scratch, "base")
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if err := snapshot.LinkInto(folder); err != nil {
		return spec.ArtifactRef{}, err
	}
	return artifact.Publish(work.ctx, work.store, spec.KindBaseModel, folder, nil,
		map[string]string{hubModelMeta: name.Repo, hubCommitMeta: snapshot.Commit})
}

// tellSnapshot logs what a reader of a run may want to know of its base model's origin.
func tellSnapshot(ctx context.Context, snapshot hub.Snapshot) {
	log := activity.GetLogger(ctx)
	log.Info("base model from the hub", "model", snapshot.Name.String(), "commit", snapshot.Commit)
	if len(snapshot.Unverified) > 0 {
		log.Warn("the hub gave no digest for some files of the base model: they are believed on their size", "files", snapshot.Unverified)
	}
	if snapshot.Unreachable != nil {
		log.Warn("the hub does not answer: the base model is the one that was fetched last", "commit", snapshot.Commit, "error", snapshot.Unreachable)
	}
}
