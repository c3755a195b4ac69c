// Package fault gives every error of Elara a kind, so that each layer can decide without reading the text.
//
// The kind is set once, at the place that knows it: the store says NotFound, the tensor library says
// OutOfMemory, the configuration reader says Invalid. Layers above wrap with fmt.Errorf and %w and never
// set it again. One place turns kinds into Temporal errors (package activities) and one into exit codes
// (packages starter and worker).
//
// Kinds cross the wire inside Temporal failures: they are never renamed, only added.
package fault
