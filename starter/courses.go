package main

import "elara/spec"

// lossCourses remembers the losses of each adapter from one look to the next: a heartbeat knows the newest alone. What
// was before the watching began is not in it.
type lossCourses map[spec.AdapterName]*lossCourse

type lossCourse struct {
	step   int64 // of the newest loss
	losses []float64
}

// follow takes up what is new and gives each adapter its course. The mean that a finished training reports is no part of
// one.
func (c lossCourses) follow(adapters []adapterView) {
	for i := range adapters {
		a := &adapters[i]
		course := c[a.Adapter]
		if course == nil {
			course = &lossCourse{}
			c[a.Adapter] = course
		}
		step, loss := a.Progress.Step, a.Progress.Loss
		if a.Progress.LoggedStep > 0 { // a window's mean says more than one step's loss
			step, loss = a.Progress.LoggedStep, a.Progress.LoggedLoss
		}
		if !a.Done && loss != 0 && step > course.step {
			course.step, course.losses = step, append(course.losses, loss)
		}
		a.Losses = course.losses
	}
}
