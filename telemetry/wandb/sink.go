package wandb

import (
	"errors"
	"slices"

	"elara/telemetry/series"
)

// Sink is a series.Sink: the offline run, and the way to the server where there is a key.
type Sink struct {
	*Offline
	dir    string
	online *sender // nil without a key
	points []series.Point
}

// Open begins the offline run below dir with the points so far. With a key they are sent from a goroutine, which Close
// ends.
func Open(dir string, curve series.Curve, o Options) (*Sink, error) {
	return open(dir, curve, o, usualPace())
}

func open(dir string, curve series.Curve, o Options, p pace) (*Sink, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	offline, err := CreateOffline(dir, curve, o)
	if err != nil {
		return nil, err
	}
	s := &Sink{Offline: offline, dir: dir, points: slices.Clone(curve.Points)}
	if !o.Key.IsZero() {
		s.online = newSender(curve, o, dir, offline.Folder(), p)
	}
	return s, nil
}

// Write keeps a point in the offline run and hands it over for sending.
func (s *Sink) Write(point series.Point) error {
	if s.online != nil {
		s.online.add(point)
		s.points = append(s.points, point)
	}
	return s.Offline.Write(point)
}

// Close ends the run. What the server has by then is taken out of the offline run; when it has everything, `wandb sync`
// is told that there is nothing left to send.
func (s *Sink) Close(done bool) error {
	if s.online == nil {
		return s.Offline.Close(done)
	}
	complete := s.online.end(done)
	if sent := s.online.at.LastStep; sent > s.sent {
		if err := s.leaveOut(sent); err != nil {
			return errors.Join(err, s.Offline.Close(false))
		}
	}
	err := s.Offline.Close(done)
	if complete && done {
		err = errors.Join(err, series.Replace(s.path+syncedSuffix, nil))
	}
	return err
}

// leaveOut writes the offline run again without the points that the server has.
func (s *Sink) leaveOut(sent int64) error {
	before := s.file
	s.sent = sent
	return errors.Join(s.begin(s.points), before.Close())
}
