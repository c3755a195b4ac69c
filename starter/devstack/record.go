package devstack

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"elara/spec/fault"
)

// Record tells other processes where a running stack is.
type Record struct {
	PID       int       `json:"pid"` // of the process that owns the stack
	StartedAt time.Time `json:"started_at"`
	Temporal  string    `json:"temporal"`  // host:port
	Namespace string    `json:"namespace"` // of Temporal
	UI        string    `json:"ui"`        // URL of Temporal's Web UI
	S3        string    `json:"s3"`        // URL of the gateway
	Region    string    `json:"region"`
	Bucket    string    `json:"bucket"`
	Metrics   string    `json:"metrics"`        // host:port of the worker's /metrics
	Curves    string    `json:"curves"`         // folder of the trainings' curves
	Desk      string    `json:"desk,omitempty"` // URL of the web pages; empty when none are served
	Parts     []Part    `json:"parts"`
}

// Part is one process of a stack.
type Part struct {
	Name     string `json:"name"`
	PID      int    `json:"pid"` // 0 while it is down
	Restarts int    `json:"restarts"`
	Log      string `json:"log"`
}

// Find reads where the stack of this folder is. It is NotFound when none runs, even if one left its record behind.
func Find(folder string) (Record, error) {
	var record Record
	held, err := locked(folder)
	if err != nil {
		return record, err
	}
	if held {
		err = readJSON(filepath.Join(folder, recordFile), &record)
		if err == nil {
			return record, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return record, err
		}
		return record, fault.WithHint(fault.New(fault.Transient, "the stack in %s is still starting", folder), "try again in a moment")
	}
	return record, fault.WithHint(fault.New(fault.NotFound, "no stack runs in %s", folder), "start one with elara up --detach")
}
