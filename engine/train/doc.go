// Package train is the training loop: which rows a step sees, when to log, evaluate and save, when to stop, and everything
// that must be remembered for a resumed run to be the undisturbed one. It knows no tensors: a Stepper does the arithmetic.
//
// The order of rows is transformers' own: a pure function of (seed, epoch), so that a step's rows follow from its number and
// resuming costs nothing. The loss of a step is the sum of -log p over its supervised tokens divided by their number.
package train
