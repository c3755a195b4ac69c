// Package artifact keeps immutable, content-addressed artifacts: base models, data sets, adapters, reports. An artifact
// is a manifest in package cas that lists its files with digest and size, the artifacts it was made from and a few
// words about it; the digest of the manifest is the digest of the artifact. Equal content gives the equal reference,
// wherever and whenever it is published.
//
// Beside the artifacts: stage records (what a stage made of given inputs, so that it need not run again), release
// pointers (which candidate a channel serves, with its history) and a cache of local copies.
//
// It promises that what is read is what was published, or Corrupt. It refuses file names that could leave their folder.
//
//	ref, err := artifact.Publish(ctx, store, spec.KindAdapter, "out/adapter", []spec.Digest{dataset.Digest}, nil)
//	folder, err := artifact.NewCache("cache").Materialise(ctx, store, ref)
package artifact
