// Package train is the training loop: which rows a step sees, at which rate, when to log, evaluate and save, which step is
// the best, when to stop, and everything that must be remembered for a resumed run to be the undisturbed one. It knows no
// tensors: a Stepper does the arithmetic. What a Stepper may do beyond that, keep the best weights or scale its loss, is an
// interface of its own, and a run that needs it is refused without it.
//
// Schedules, order of rows, strategies, early stopping and loss scale are transformers' and torch's own, step for step;
// testdata/peer makes the numbers they are compared with. The order of rows is a pure function of (seed, epoch), so that a
// step's rows follow from its number and resuming costs nothing. The loss of a step is the sum of -log p over its
// supervised tokens divided by their number.
package train
