package report

// A chart's size and margins in the units of its view box.
const (
	chartWidth  = 640.0
	chartHeight = 280.0
	left        = 62.0
	right       = 92.0 // the names of the lines stand here
	top         = 18.0
	bottom      = 40.0
)

// plot is what all charts have: a place to draw in, and the values that are marked beside it.
type plot struct {
	Width, Height float64
	Left, Right   float64 // x where the lines begin and end
	Top, Floor    float64 // y of the upper end, and of the axis
	Rows          []tick  // across
	Columns       []tick  // up
}

type tick struct {
	At    float64
	Label string
}

func newPlot() plot {
	return plot{Width: chartWidth, Height: chartHeight, Left: left, Right: chartWidth - right, Top: top, Floor: chartHeight - bottom}
}

// up lays values from the axis upwards, and marks some.
func (p *plot) up(from, to float64, marked []float64) scale {
	up := scale{from, to, p.Floor, p.Top}
	for _, value := range marked {
		p.Rows = append(p.Rows, tick{up.at(value), number(value)})
	}
	return up
}

// across lays values from the left to the right, and marks some.
func (p *plot) across(from, to float64, marked []float64) scale {
	across := scale{from, to, p.Left, p.Right}
	for _, value := range marked {
		p.Columns = append(p.Columns, tick{across.at(value), number(value)})
	}
	return across
}
