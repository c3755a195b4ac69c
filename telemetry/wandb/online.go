package wandb

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"elara/spec/fault"
	"elara/telemetry/series"
)

// Files of a run that the stream fills.
const (
	historyFile = "wandb-history.jsonl"
	summaryFile = "wandb-summary.json"
)

// pace is how the sender spends its time.
type pace struct {
	batch     time.Duration // points are collected for so long
	alive     time.Duration // a silent run says that it lives
	firstWait time.Duration // after a failure; doubled each time
	longest   time.Duration // between two tries
	closing   time.Duration // the most that Close waits for a server that answered before
	moment    time.Duration // and for one that did not
}

func usualPace() pace {
	return pace{batch: 5 * time.Second, alive: 30 * time.Second, firstWait: time.Second, longest: time.Minute, closing: 10 * time.Second, moment: time.Second}
}

// sender delivers points from a goroutine of its own, so that whoever writes them never waits.
type sender struct {
	client *client
	run    series.Run
	o      Options
	pace   pace
	dir    string // of the run folders
	folder string // of the offline run

	wake    chan struct{} // holds one: a point has come
	closing chan struct{} // closed when the stretch is at its end
	ended   chan struct{} // closed when the goroutine is through
	cancel  context.CancelFunc

	mu      sync.Mutex
	waiting []series.Point
	failing bool // the newest try failed
	done    bool // the training is; set before closing is closed

	// Of the goroutine alone, until it has ended.
	at        remote
	connected bool
	complete  bool // everything is delivered
	noticed   bool
}

func newSender(curve series.Curve, o Options, dir, folder string, p pace) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sender{
		client: newClient(o), run: curve.Run, o: o, pace: p, dir: dir, folder: folder,
		waiting: slices.Clone(curve.Points),
		wake:    make(chan struct{}, 1), closing: make(chan struct{}), ended: make(chan struct{}), cancel: cancel,
	}
	go s.work(ctx)
	return s
}

// add hands a point over.
func (s *sender) add(point series.Point) {
	select {
	case <-s.ended: // the server refused the run; the offline one has the point
		return
	default:
	}
	s.mu.Lock()
	s.waiting = append(s.waiting, point)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default: // it is going to look anyway
	}
}

// end lets the sender try once more and reports whether all was delivered.
func (s *sender) end(done bool) bool {
	defer s.cancel()
	s.mu.Lock()
	s.done = done
	patience := s.pace.closing
	if s.failing {
		patience = s.pace.moment
	}
	s.mu.Unlock()
	close(s.closing)
	deadline := time.AfterFunc(patience, s.cancel)
	defer deadline.Stop()
	<-s.ended
	return s.complete
}

// work delivers until the end has come, or the server refuses.
func (s *sender) work(ctx context.Context) {
	defer close(s.ended)
	defer s.client.http.CloseIdleConnections()
	wait := s.pace.firstWait
	for {
		ending := s.isClosing()
		err := s.deliver(ctx, ending)
		s.mu.Lock()
		s.failing = err != nil
		s.mu.Unlock()
		switch {
		case err == nil && ending:
			s.complete = true
			return
		case err == nil:
			wait = s.pace.firstWait
			if s.pass(ctx, s.pace.batch, nil) {
				s.pass(ctx, s.pace.alive, s.wake)
			}
		default:
			s.notice(err)
			if ending || !fault.Is(err, fault.Transient) {
				return
			}
			s.pass(ctx, wait, nil)
			wait = min(2*wait, s.pace.longest)
		}
	}
}

func (s *sender) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// pass waits for a time, or for a reason to go on before that; false says that the end has come.
func (s *sender) pass(ctx context.Context, d time.Duration, reason <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-reason:
	case <-s.closing:
		return false
	case <-ctx.Done():
		return false
	}
	return true
}

// mostPoints is how many points one call carries: a few hundred kilobytes.
const mostPoints = 1000

// deliver sends all that waits, and that the run lives when nothing does.
func (s *sender) deliver(ctx context.Context, ending bool) error {
	if !s.connected {
		at, err := s.client.connect(ctx, s.run, s.o)
		if err != nil {
			return err
		}
		s.at, s.connected = at, true
	}
	select {
	case <-s.wake: // what it tells of is taken now
	default:
	}
	for more := true; more; {
		s.mu.Lock()
		points := s.waiting[:min(len(s.waiting), mostPoints)]
		more = len(points) < len(s.waiting)
		last := ending && s.done && !more
		s.mu.Unlock()
		if err := s.send(ctx, points, last); err != nil {
			return err
		}
		s.mu.Lock()
		s.waiting = s.waiting[len(points):]
		s.mu.Unlock()
	}
	return nil
}

// send delivers points that stand in a row; last says that nothing follows and the training is done.
func (s *sender) send(ctx context.Context, points []series.Point, last bool) error {
	t, lines, err := s.transmission(points)
	if err != nil {
		return err
	}
	if last {
		yes, exit := true, 0
		t.Complete, t.ExitCode = &yes, &exit
	}
	if err := s.client.stream(ctx, s.at, t); err != nil {
		return err
	}
	s.at.Lines += lines
	if len(points) > 0 {
		s.at.LastStep = max(s.at.LastStep, points[len(points)-1].Step)
		return writeSent(s.dir, s.run.ID, s.at.LastStep)
	}
	return nil
}

// transmission puts the points that the server does not have into lines.
func (s *sender) transmission(points []series.Point) (transmission, int, error) {
	var lines []string
	for _, point := range points {
		if point.Step <= s.at.LastStep {
			continue
		}
		line, err := historyLine(s.run, point)
		if err != nil {
			return transmission{}, 0, err
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return transmission{}, 0, nil
	}
	return transmission{Files: map[string]chunk{
		historyFile: {Offset: s.at.Lines, Content: lines},
		summaryFile: {Offset: 0, Content: lines[len(lines)-1:]},
	}}, len(lines), nil
}

// historyLine is a point as one line of JSON.
func historyLine(run series.Run, point series.Point) (string, error) {
	all, err := fields(run, point)
	if err != nil {
		return "", err
	}
	parts := make([]string, 0, len(all))
	for _, f := range all {
		parts = append(parts, `"`+f.key+`":`+f.value)
	}
	return "{" + strings.Join(parts, ",") + "}", nil
}

// notice says once that the server cannot be used, and what to do.
func (s *sender) notice(err error) {
	if s.noticed || s.o.Notice == nil {
		return
	}
	s.noticed = true
	host := s.client.server
	if u, parseErr := url.Parse(host); parseErr == nil {
		host = u.Host
	}
	s.o.Notice("W&B at " + host + " does not take the curve (" + err.Error() + "); the training goes on, every point is in " +
		s.folder + ", and wandb sync sends it later")
}
