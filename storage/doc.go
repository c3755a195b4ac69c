// Package storage is where every state that matters lives: an object store with conditional writes.
//
// Store is the contract; storagetest holds the one suite that every implementation passes: s3 (any endpoint that
// honours If-None-Match and If-Match), mem (for tests) and faulty (a wrapper that injects failures).
// Probe refuses an endpoint that ignores conditions: without them two workers could both believe they won.
package storage
