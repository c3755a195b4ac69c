package faulty

import "elara/spec/fault"

// Dead is the error of every operation after the process died.
func Dead() error { return fault.New(fault.Transient, "the process died") }

// Unavailable is the error of a server that answers 503.
func Unavailable() error { return fault.New(fault.Transient, "503 slow down") }

// DieBefore lets n-1 operations take place; the n-th and all later ones do not.
func DieBefore(n int) Plan {
	return func(op Op) Fault {
		if op.Number >= n {
			return Fault{Before: Dead()}
		}
		return Fault{}
	}
}

// DieAfter lets n operations take place; the answer of the n-th is never seen, and no later one takes place.
func DieAfter(n int) Plan {
	return func(op Op) Fault {
		switch {
		case op.Number == n:
			return Fault{After: Dead()}
		case op.Number > n:
			return Fault{Before: Dead()}
		}
		return Fault{}
	}
}

// Once makes the n-th operation alone fail.
func Once(n int, failure Fault) Plan {
	return func(op Op) Fault {
		if op.Number == n {
			return failure
		}
		return Fault{}
	}
}
