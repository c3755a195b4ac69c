package configs

import (
	"fmt"
	"strconv"
)

// optional makes a key whose target stays nil until it is given; null leaves it so.
func optional[T any](name string, target **T, plain func(value *T) key) key {
	*target = nil
	var value T
	k := plain(&value).orNull()
	k.name, k.fallback = name, ""
	read := k.set
	k.set = func(n *node) error {
		if err := read(n); err != nil {
			return err
		}
		given := value
		*target = &given
		return nil
	}
	return k
}

// optionalNumber is a number without a default of its own.
func optionalNumber(name string, target **float64, within interval, help string) key {
	return optional(name, target, func(value *float64) key { return number(name, value, 0, within, help) })
}

// optionalInteger is a whole number without a default of its own.
func optionalInteger(name string, target **int64, low, high int64, help string) key {
	return optional(name, target, func(value *int64) key { return integer(name, value, 0, low, high, help) })
}

// stepsOrShare is a number of steps, or below 1 a share of the run's steps, as transformers reads it: a share is rounded
// up to whole steps.
func stepsOrShare(name string, steps *int64, share *float64, fallback, low int64, help string) key {
	*steps, *share = fallback, 0
	k := key{
		name: name, kind: "a whole number", within: fmt.Sprintf("from %d to %d, or a share of the steps above 0 and below 1", low, int64(maxSteps)),
		fallback: strconv.FormatInt(fallback, 10), help: help,
	}
	whole := integer(name, new(int64), 0, low, maxSteps, "")
	part := number(name, new(float64), 0, interval{low: 0, high: 1, openLow: true, openHigh: true}, "")
	k.set = func(n *node) error {
		if part.set(n) == nil {
			value, err := strconv.ParseFloat(n.text, 64)
			*steps, *share = 0, value
			return err
		}
		if whole.set(n) != nil {
			return n.mismatch(k)
		}
		value, err := strconv.ParseInt(n.text, 10, 64)
		*steps, *share = value, 0
		return err
	}
	return k
}

// either reads with the first kind whose shape the value has, and describes itself by both.
func either(name string, help string, kind string, choose func(n *node) (key, bool)) key {
	k := key{name: name, kind: kind, help: help}
	k.set = func(n *node) error {
		chosen, found := choose(n)
		if !found {
			return n.mismatch(k)
		}
		return chosen.set(n)
	}
	return k
}
