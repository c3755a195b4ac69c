package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"elara/spec"
)

// outcome is what a run made.
type outcome struct {
	weights  map[spec.AdapterName][]byte      // adapter_model.safetensors
	digests  map[spec.AdapterName]spec.Digest // of the adapter's artifact, which covers all its files
	attempts int                              // at a segment, all adapters together
}

// String is for the line of a run.
func (o outcome) String() string {
	parts := []string{fmt.Sprintf("%d attempts at %d segments", o.attempts, segments*len(adapters()))}
	for _, adapter := range adapters() {
		parts = append(parts, fmt.Sprintf("%s %s", adapter, o.digests[adapter].Short()))
	}
	return strings.Join(parts, ", ")
}

// differs says in what this outcome is not the wanted one; nil when it is, byte for byte.
func (o outcome) differs(want outcome) error {
	var problems []error
	for _, adapter := range adapters() {
		switch {
		case !bytes.Equal(o.weights[adapter], want.weights[adapter]):
			problems = append(problems, fmt.Errorf("the weights of adapter %s are not those of the undisturbed run", adapter))
		case o.digests[adapter] != want.digests[adapter]:
			problems = append(problems, fmt.Errorf("adapter %s has the undisturbed weights, but other files of its artifact differ", adapter))
		}
	}
	return errors.Join(problems...)
}
