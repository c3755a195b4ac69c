// Package checkpoint commits snapshots of a training so that any number of crashes, retries and paused workers leave
// one chain of them, and a reader takes the newest that is whole. docs/adr/0003-fenced-checkpoints.md says why it is
// built this way.
//
// Objects of one adapter of one run:
//
//	cas/sha256/<digest>                                      the files, shared with everything else
//	runs/<run>/<adapter>/checkpoints/<step>.<token>.json     manifest: files, counters, what made it
//	runs/<run>/<adapter>/latest.json                         pointer: the grants, and how far each one has come
//
// A worker takes a lease with Acquire, which gives it a fencing token greater than every one before. Commit writes
// blobs, then the manifest, then the pointer under If-Match: the checkpoint exists from that last write on. A worker
// whose lease was taken over gets Conflict from Commit, and nothing it wrote is ever read. After an answer that leaves
// the outcome unknown, Commit looks; when it cannot, it says Transient and may be called again with the same snapshot.
//
// Readers compare every byte with its digest. They skip what is damaged and say so, but an error that may pass (a
// network that is down) is an error: it never sends a training back to an older step.
//
//	lease, err := checkpoint.Acquire(ctx, store, run, adapter, holder, job)
//	snapshot, found, skipped, err := lease.Newest(ctx)
//	manifest, err := lease.Commit(ctx, snapshot, facts)
package checkpoint
