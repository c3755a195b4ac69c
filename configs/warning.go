package configs

// Warning is something a file says that will not do what its writer may expect. It is shown; the work goes on.
type Warning struct {
	Place string // file:line
	Text  string
}

// String prints "place: text".
func (w Warning) String() string { return w.Place + ": " + w.Text }
