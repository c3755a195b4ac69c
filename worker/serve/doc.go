// Package serve is a worker in a process: it polls the task queues and runs what they hand out. It is apart from the
// command so that tests can serve with an engine of their own.
//
// The control queue gets the workflows and the activities that need no model. The queue of the device's class gets the
// activities that do, one at a time; without an engine it is not polled, and nothing else suffers.
//
// When it is asked to stop it takes nothing new, gives a training the time to save what it has, and returns.
//
//	err := serve.Run(ctx, serve.Options{Client: c, Store: store, CacheDir: "cache", Engine: engine})
package serve
