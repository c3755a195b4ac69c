// Package namespace brings a Temporal namespace to what the workflows need of it: the search attributes.
//
// It promises that nothing is changed that is there already. It refuses a namespace where an attribute of the name has
// another type: the first workflow to set it would stand still for good. It also tells when a server that has just been started
// can take workflows.
//
//	err := namespace.Prepare(ctx, client, "elara")
package namespace
