// Package toy is an engine without tensors, for tests of what surrounds the engine. It "trains" one number that depends
// on the base model, on the rows and on every step before, so that a step that is lost, repeated or done from the wrong
// state changes the result.
//
// It keeps the contract of activities.Trainer, activities.Pretrainer, activities.Merger, activities.Distiller,
// activities.FeedbackTrainer, activities.Sampler and activities.Evaluator to the letter: it saves when it is told to yield,
// resumes from snapshots of the same job only, and gives the same bytes however often it was interrupted.
//
//	control, device := ..., &activities.Device{Trainer: toy.Trainer{}, Evaluator: toy.Evaluator{}}
package toy
