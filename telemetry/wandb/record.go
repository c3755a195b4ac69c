package wandb

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"elara/telemetry/series"
)

// Field numbers of wandb_internal.proto.
const (
	recordNumber  = 1
	recordHistory = 2
	recordSummary = 3
	recordRun     = 17
	recordExit    = 18
	recordHeader  = 21

	headerVersion   = 1
	versionProducer = 1
	versionConsumer = 2

	runID      = 1
	runEntity  = 2
	runProject = 3
	runConfig  = 4
	runGroup   = 6
	runDisplay = 8
	runTag     = 10
	runStarted = 17

	configUpdate  = 1
	summaryUpdate = 1
	historyItem   = 1
	historyStep   = 2
	stepNumber    = 1

	itemKey       = 1
	itemNestedKey = 2
	itemJSON      = 16

	timeSeconds = 1
	timeNanos   = 2
)

// oldestConsumer is the first release of W&B's core that reads these records.
const oldestConsumer = "0.70.0"

func appendBytes(out []byte, field protowire.Number, data []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(out, field, protowire.BytesType), data)
}

// appendText leaves an empty text out, as proto3 does.
func appendText(out []byte, field protowire.Number, text string) []byte {
	if text == "" {
		return out
	}
	return appendBytes(out, field, []byte(text))
}

func appendNumber(out []byte, field protowire.Number, number int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(out, field, protowire.VarintType), uint64(number))
}

func header() []byte {
	version := appendText(nil, versionProducer, "elara")
	version = appendText(version, versionConsumer, oldestConsumer)
	return appendBytes(nil, headerVersion, version)
}

func runRecord(run series.Run, o Options) []byte {
	r := appendText(nil, runID, run.ID)
	r = appendText(r, runEntity, o.Entity)
	r = appendText(r, runProject, run.Project)
	var config []byte
	for _, setting := range run.Config {
		item := appendText(nil, itemKey, setting.Key)
		item = appendBytes(item, itemJSON, setting.Value)
		config = appendBytes(config, configUpdate, item)
	}
	r = appendBytes(r, runConfig, config)
	r = appendText(r, runGroup, run.Group)
	r = appendText(r, runDisplay, run.Name)
	for _, tag := range o.Tags {
		r = appendText(r, runTag, tag)
	}
	started := appendNumber(nil, timeSeconds, run.Started.Unix())
	started = appendNumber(started, timeNanos, int64(run.Started.Nanosecond()))
	return appendBytes(r, runStarted, started)
}

// field is one key of a history line, its value as JSON.
type field struct{ key, value string }

// fields are a point as W&B's history has it: the values, and when they were measured.
func fields(run series.Run, point series.Point) ([]field, error) {
	all := make([]field, 0, len(point.Values)+3)
	for _, v := range point.Values {
		number, err := json.Marshal(v.Number)
		if err != nil {
			return nil, fmt.Errorf("encode %s of step %d: %w", v.Key, point.Step, err)
		}
		all = append(all, field{v.Key, string(number)})
	}
	at := point.At
	if at.IsZero() {
		at = run.Started
	}
	return append(all,
		field{"_step", strconv.FormatInt(point.Step, 10)},
		field{"_timestamp", seconds(time.Duration(at.UnixNano()))},
		field{"_runtime", seconds(max(0, at.Sub(run.Started)))},
	), nil
}

// seconds prints a time with milliseconds.
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

// summaryRecord makes a point's values the newest of the run.
func summaryRecord(all []field) []byte {
	var summary []byte
	for _, f := range all {
		summary = appendBytes(summary, summaryUpdate, item(f))
	}
	return summary
}

func historyRecord(all []field, step int64) []byte {
	var history []byte
	for _, f := range all {
		history = appendBytes(history, historyItem, item(f))
	}
	return appendBytes(history, historyStep, appendNumber(nil, stepNumber, step))
}

// item names its key as a path of one part: a slash in it separates nothing.
func item(f field) []byte {
	return appendText(appendText(nil, itemNestedKey, f.key), itemJSON, f.value)
}
