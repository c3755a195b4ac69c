// Package activities is where a workflow's plan meets the world: each activity decodes its input, fetches what it
// refers to, calls the package that does the work, stores the result and gives back a reference. One file per stage.
//
// Control holds the activities that need no model and may run by the dozen. Device holds those that need one: a worker
// takes one of them at a time. What trains and evaluates is handed in as Trainer and Evaluator, so this package knows
// no tensors.
//
// Promises: every activity may run twice, at once or one after the other, and leaves the same result; what it stores
// is addressed by content, and checkpoints are fenced by a lease. A hung device looks dead, because heartbeats follow
// the work. Failures carry a fault kind (errors.go) and never text of a row.
//
//	control := &activities.Control{Store: store, Cache: cache}
//	worker.RegisterActivity(control)
package activities
