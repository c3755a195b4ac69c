package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"elara/telemetry/series"
)

// card is the summary of one adapter.
type card struct {
	Stroke  int
	Name    string
	State   string
	Figures []figure
}

type figure struct{ Name, Value, Note string }

func cardOf(curve series.Curve, stroke int) card {
	c := card{Stroke: stroke, Name: curve.Run.Adapter, State: stateOf(curve)}
	add := func(name, value, note string) { c.Figures = append(c.Figures, figure{name, value, note}) }
	if reinforced(curve) {
		policyFigures(curve, add)
	} else if first, last, found := ends(curve, series.TrainLoss); found {
		add("loss", number(last), "from "+number(first))
	}
	if best, step, found := lowest(curve, series.EvalLoss); found {
		add("held-out", number(best), "best, step "+grouped(step))
	}
	if _, last, found := ends(curve, series.TrainTokens); found {
		add("speed", number(last), "tokens/s")
	}
	if _, last, found := ends(curve, series.TrainPeakMemory); found {
		add("peak memory", number(last), "MB")
	}
	if restarts := len(curve.Run.Restarts()); restarts > 0 {
		add("restarts", grouped(int64(restarts)), "")
	} else if took := duration(curve.Run); took > 0 {
		add("time", took.Round(time.Second).String(), "")
	}
	return c
}

func stateOf(curve series.Curve) string {
	var step int64
	if n := len(curve.Points); n > 0 {
		step = curve.Points[n-1].Step
	}
	if n := len(curve.Run.Attempts); n > 0 {
		step = max(step, curve.Run.Attempts[n-1].LastStep)
	}
	if curve.Run.Done() {
		return fmt.Sprintf("done, %s steps", grouped(step))
	}
	return fmt.Sprintf("at step %s", grouped(step))
}

// ends gives the first and the newest value of a quantity.
func ends(curve series.Curve, key string) (first, last float64, found bool) {
	for _, point := range curve.Points {
		if value, has := point.Get(key); has {
			if !found {
				first = value
			}
			last, found = value, true
		}
	}
	return first, last, found
}

func lowest(curve series.Curve, key string) (best float64, step int64, found bool) {
	for _, point := range curve.Points {
		if value, has := point.Get(key); has && (!found || value < best) {
			best, step, found = value, point.Step, true
		}
	}
	return best, step, found
}

// duration adds up the stretches. It is not asked where one was killed: how long that trained nobody knows.
func duration(run series.Run) time.Duration {
	var sum time.Duration
	for _, a := range run.Attempts {
		if !a.Ended.IsZero() { // the one under way
			sum += a.Ended.Sub(a.Started)
		}
	}
	return sum
}

// table has all numbers of one adapter.
type table struct {
	Name   string
	Header []string
	Rows   [][]string
}

func tableOf(curve series.Curve) table {
	t := table{Name: curve.Run.Adapter, Header: []string{"step"}}
	keys := slices.DeleteFunc(curve.Keys(), func(key string) bool { return key == series.TrainGlobalStep })
	t.Header = append(t.Header, keys...)
	for _, point := range curve.Points {
		row := []string{grouped(point.Step)}
		for _, key := range keys {
			text := ""
			if value, has := point.Get(key); has {
				text = number(value)
			}
			row = append(row, text)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// settings are the configurations side by side.
type settings struct {
	Names []string
	Rows  []setting
}

type setting struct {
	Key    string
	Values []string
	Same   bool // for all adapters: one value stands for them
}

func settingsOf(curves []series.Curve) settings {
	var s settings
	values := map[string][]string{}
	for i, curve := range curves {
		s.Names = append(s.Names, curve.Run.Adapter)
		flatten("", curve.Run.Config, func(key, value string) {
			if values[key] == nil {
				values[key] = make([]string, len(curves))
				s.Rows = append(s.Rows, setting{Key: key})
			}
			values[key][i] = value
		})
	}
	for i := range s.Rows {
		row := &s.Rows[i]
		row.Values, row.Same = values[row.Key], true
		for _, value := range row.Values {
			row.Same = row.Same && value == row.Values[0]
		}
	}
	return s
}

// flatten walks through objects inside objects and joins their keys by dots.
func flatten(prefix string, config series.Config, each func(key, value string)) {
	for _, s := range config {
		var inner series.Config
		if bytes.HasPrefix(bytes.TrimSpace(s.Value), []byte("{")) && json.Unmarshal(s.Value, &inner) == nil && len(inner) > 0 {
			flatten(prefix+s.Key+".", inner, each)
			continue
		}
		each(prefix+s.Key, plain(s.Value))
	}
}

// plain prints a text without its quotes, and anything else on one line.
func plain(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var line bytes.Buffer
	if json.Compact(&line, value) == nil {
		return line.String()
	}
	return string(value)
}
