// Package tensorboard writes curves as TensorBoard's event files.
//
// It promises that the newest event file of a folder has the whole series: a training that goes on gets a new file with
// all points so far, which begins with a session start at step 0. That makes every reader drop what it read before, from
// the file of the attempt before this one; older ones are removed. Single precision is TensorBoard's own.
//
// It refuses nothing: folder and numbers were checked before.
//
//	sink, err := tensorboard.Create(dir, curve, time.Now())
//	err = sink.Write(point)
package tensorboard
