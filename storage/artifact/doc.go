// Package artifact keeps immutable, content-addressed artifacts: base models, data sets, adapters, reports. An artifact
// is a manifest in package cas that lists its files with digest and size, the artifacts it was made from and a few
// words about it; the digest of the manifest is the digest of the artifact. Equal content gives the equal reference,
// wherever and whenever it is published.
//
// Beside the artifacts: stage records (what a stage made of given inputs, so that it need not run again), release pointers
// (which candidate a channel serves, with its history) and offers (which one its reviewers were asked about), withdrawals
// of sources and rows, and a cache of local copies. Lineage goes from an artifact to what it was made from, Reached from rows
// to the adapters that had them.
//
// It promises that what is read is what was published, or Corrupt. It refuses file names that could leave their folder.
//
//	ref, err := artifact.Publish(ctx, store, spec.KindAdapter, "out/adapter", []spec.Digest{dataset.Digest}, nil)
//	folder, err := artifact.NewCache("cache").Materialise(ctx, store, ref)
package artifact
