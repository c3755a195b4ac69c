// Package storage is where every state that matters lives: an object store with conditional writes.
//
// Store is the contract; storagetest holds the one suite that every implementation passes: s3 (any endpoint that
// honours If-None-Match and If-Match), mem (for tests) and faulty (a wrapper that injects failures).
// Probe refuses an endpoint that ignores conditions: without them two workers could both believe they won.
//
// Above the contract: cas holds content-addressed blobs, artifact named sets of them with their lineage, stage records
// and release pointers, checkpoint the fenced commit protocol of a training. gateway is a real S3 server in the
// process, over a folder, for the embedded default.
//
//	store, err := s3.Open(ctx, s3.Options{Endpoint: "http://127.0.0.1:9000", Bucket: "elara", PathStyle: true})
//	if err == nil {
//		err = storage.Probe(ctx, store)
//	}
package storage
