package torchfile

import "fmt"

// value is what a pickle builds: nil for None, bool, int64, float64, string (also for bytes), or one of the types below.
type value any

type (
	tuple []value

	list struct{ items []value }

	// dict keeps its pairs in the order of the file. Whoever turns it into named things looks for keys given twice.
	dict struct {
		keys, values []value
		ordered      bool // collections.OrderedDict
	}

	// global is a name from the table of allowed ones. Nothing stands behind it.
	global struct{ module, name string }

	// long is an integer beyond 64 bits, as its little-endian bytes. Only the magic number of the legacy form is one.
	long string
)

// find gives the value of a text key.
func (d *dict) find(key string) (value, bool) {
	for i, k := range d.keys {
		if k == key {
			return d.values[i], true
		}
	}
	return nil, false
}

// describe says in words what a value is, for errors. It never shows contents, which may be long.
func describe(v value) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a truth value"
	case int64, long:
		return "an integer"
	case float64:
		return "a number"
	case string:
		return "a text"
	case tuple:
		return fmt.Sprintf("a tuple of %d", len(v))
	case *list:
		return fmt.Sprintf("a list of %d", len(v.items))
	case *dict:
		return fmt.Sprintf("a dictionary of %d", len(v.keys))
	case global:
		return fmt.Sprintf("the name %s.%s", v.module, v.name)
	case *region:
		return "a storage"
	case *Tensor:
		return "a tensor"
	}
	return fmt.Sprintf("a %T", v)
}
