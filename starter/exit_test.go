package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{fault.At("p.yaml", 3, "expected a number"), 2},
		{fmt.Errorf("load: %w", fault.New(fault.Invalid, "no")), 2},
		{usageError{errors.New("unknown flag")}, 2},
		{refusedError{fault.New(fault.Conflict, "decided already")}, 2},
		{fault.New(fault.Conflict, "exists"), 1},
		{fault.New(fault.NotFound, "no run"), 1},
		{fault.New(fault.Transient, "later"), 1},
		{errors.New("anything"), 1},
	} {
		require.Equal(t, c.want, exitCode(c.err), "%v", c.err)
	}
}

func TestErrorsAreOneLine(t *testing.T) {
	joined := "first\n  second\n"
	require.Equal(t, "first; second", oneLine(errors.New(joined)))
}
