// Package series is what the writers of training curves share: the points of one adapter's training, whose training it
// is, and by what configuration.
//
// It promises that the points of a Curve have strictly rising steps and finite numbers, and that values and settings
// keep their order: equal trainings give equal files, clocks apart. It refuses text of rows: a point holds numbers.
//
//	point := series.Of(progress, time.Now())
//	point.Values // train/loss, train/learning_rate, ...
package series
