package main

import (
	"elara/spec"
	"elara/tests/ground"
)

// The plan of pipeline.yaml.
const (
	totalSteps = 120
	segments   = 2 // per adapter
)

func adapters() []spec.AdapterName { return []spec.AdapterName{"general", "patient"} }

// disturbance is a run under kills.
type disturbance struct {
	name  string
	kills []kill
}

// kill names what is killed, and when: as soon as the store holds a checkpoint of this step or a later one.
type kill struct {
	part    string
	adapter spec.AdapterName
	step    int64
}

func disturbances() []disturbance {
	return []disturbance{
		{"worker-in-first-segment", []kill{{ground.WorkerPart, "general", 20}}},
		{"worker-in-last-segment", []kill{{ground.WorkerPart, "patient", 84}}},
		{"worker-twice-in-one-segment", []kill{{ground.WorkerPart, "general", 12}, {ground.WorkerPart, "general", 40}}},
		{"temporal-server", []kill{{ground.TemporalPart, "general", 20}}},
		{"whole-stack", []kill{{ground.StackPart, "patient", 28}}},
	}
}

// interruptions counts the kills that end the process under a training. The others do not: a training outlives the
// server that it reports to.
func (d disturbance) interruptions() int {
	count := 0
	for _, k := range d.kills {
		if k.part != ground.TemporalPart {
			count++
		}
	}
	return count
}
