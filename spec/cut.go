package spec

// CutObserver is a TrainObserver that also hears which rows a training leaves out because max_length cuts them to no
// supervised token. An engine that is given one calls Cut for each of them, in the order of the lines, before the first step
// of every segment; TrainOutcome.RowsDropped is how many there were.
type CutObserver interface {
	TrainObserver
	// Cut names a row by its line in the job's TrainDataPath, from 1.
	Cut(line int64)
}
