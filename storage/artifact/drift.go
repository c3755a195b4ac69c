package artifact

import (
	"context"
	"encoding/json"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
)

const driftPrefix = "drift/"

// DriftKey gives the object key of the drift of one adapter's name on a channel.
func DriftKey(channel string, name spec.AdapterName) string {
	return driftPrefix + channel + "/" + string(name) + ".json"
}

// AppendDrift adds a measurement to the log of a channel and an adapter's name, and gives the point that stands. judge sees
// what was measured before and says what has fallen. A measurement of the same adapter on the same rows as the last, or as
// one of the same run, is not new: that one stands. Conflict: another run came between; try again.
func AppendDrift(
	ctx context.Context, store storage.Store, to spec.Drift, point spec.DriftPoint, judge func(earlier []spec.DriftPoint) []spec.DriftFall,
) (spec.DriftPoint, error) {
	if err := checkChannel(to.Channel); err != nil {
		return spec.DriftPoint{}, err
	}
	if err := to.Name.Check(); err != nil {
		return spec.DriftPoint{}, err
	}
	held, condition, err := readDrift(ctx, store, to.Channel, to.Name)
	switch {
	case fault.Is(err, fault.NotFound):
		condition = storage.IfAbsent()
	case err != nil:
		return spec.DriftPoint{}, err
	}
	to.Points = held.Points
	for i, made := range to.Points {
		if made.Adapter == point.Adapter && made.Dataset == point.Dataset && (made.Run == point.Run || i == len(to.Points)-1) {
			return made, nil
		}
	}
	point.Falls = judge(to.Points)
	to.Points = append(to.Points, point)
	content, err := json.Marshal(to)
	if err != nil {
		return spec.DriftPoint{}, fault.New(fault.Invalid, "drift of %s on channel %q: %w", to.Name, to.Channel, err)
	}
	_, err = storage.Replace(ctx, store, DriftKey(to.Channel, to.Name), content, condition)
	return point, err
}

func readDrift(ctx context.Context, store storage.Store, channel string, name spec.AdapterName) (spec.Drift, storage.Condition, error) {
	key := DriftKey(channel, name)
	content, info, err := storage.ReadAll(ctx, store, key)
	if err != nil {
		return spec.Drift{}, storage.Condition{}, err
	}
	var held spec.Drift
	if err := json.Unmarshal(content, &held); err != nil || held.Channel != channel || held.Name != name {
		return spec.Drift{}, storage.Condition{}, fault.New(fault.Corrupt, "drift %q does not belong to adapter %s on channel %q", key, name, channel)
	}
	return held, storage.IfMatch(info.ETag), nil
}

// Drifts gives the drift of every adapter's name that was measured on a channel, in the order of their keys; NotFound when
// there is none.
func Drifts(ctx context.Context, store storage.Store, channel string) ([]spec.Drift, error) {
	if err := checkChannel(channel); err != nil {
		return nil, err
	}
	var all []spec.Drift
	for name, err := range pointers(ctx, store, driftPrefix+channel+"/") {
		if err != nil {
			return nil, err
		}
		drift, _, err := readDrift(ctx, store, channel, spec.AdapterName(name))
		if err != nil {
			return nil, err
		}
		all = append(all, drift)
	}
	if len(all) == 0 {
		return nil, fault.New(fault.NotFound, "nothing that channel %q serves was measured on newly held-out rows yet", channel)
	}
	return all, nil
}
