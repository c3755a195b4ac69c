// Package terminal draws what the commands say: tables, progress bars, a frame that renews itself in place, and
// questions. Everything is plain text first; on a terminal a frame is redrawn, elsewhere it is not drawn at all and
// the caller prints lines.
//
// It promises that text comes out the same for the same input and width, that a frame never wraps, and that nothing
// but text and line ends reaches a file or a pipe. It knows nothing of pipelines.
//
//	fmt.Print(terminal.Table{Header: []string{"run", "stage"}, Rows: rows})
package terminal
