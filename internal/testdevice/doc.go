// Package testdevice says which device the engine's tests compute on: make test DEVICE=cuda takes the first GPU, and
// DEVICE=cuda:1 the second one. A test that cannot have the device it was asked for fails, with the engine's own reason: a
// skipped one would look as if the device had been tested.
//
//	engine, err := tensor.Start(tensor.Options{Device: testdevice.Name()})
package testdevice
