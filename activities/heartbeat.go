package activities

import (
	"context"
	"io"
	"maps"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"elara/spec"
	"elara/storage"
)

const (
	// beatInterval is how often a living activity says so. The SDK sends no more often than the worker allows.
	beatInterval = 2 * time.Second

	// bulkPatience is how long a transfer may stand still before it counts as hung.
	bulkPatience = 10 * time.Minute

	// loadPatience is how long a device may take from the last transfer to its first step: it loads a model.
	loadPatience = 30 * time.Minute

	// stepFactor times the longest step so far is how long the next may take; steps that save or evaluate are longer.
	stepFactor = 20
)

// pulse tells the server that an activity lives, for as long as its work moves. It beats by a clock, so that a long
// step does not look dead and a killed worker is missed within one heartbeat timeout; but it falls silent when the work
// has stood still for longer than its patience, so that a hung device does look dead.
type pulse struct {
	mu       sync.Mutex
	progress spec.Progress
	moved    time.Time
	patience time.Duration
	longest  time.Duration // step so far
	stepping bool          // there was a step

	send  func(context.Context, spec.Progress)                // to the server
	quiet func(context.Context, spec.Progress, time.Duration) // called once when the pulse falls silent
	stop  func()
}

// startPulse begins to beat; the caller defers the stop. The server's answers reach ctx, but a pulse goes on while ctx
// is cancelled: the work may still be saving.
func startPulse(ctx context.Context, at spec.Progress, patience time.Duration) *pulse {
	p := &pulse{
		progress: at, moved: time.Now(), patience: patience,
		send: func(ctx context.Context, progress spec.Progress) { activity.RecordHeartbeat(ctx, progress) },
		quiet: func(ctx context.Context, progress spec.Progress, still time.Duration) {
			activity.GetLogger(ctx).Error("the work stands still, heartbeats stop so that it is tried elsewhere",
				"stage", progress.Stage, "adapter", progress.Adapter, "step", progress.Step, "still", still.String())
		},
	}
	p.start(ctx)
	return p
}

func (p *pulse) start(ctx context.Context) {
	stopped, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		p.run(context.WithoutCancel(ctx), stopped)
	}()
	p.stop = func() {
		close(stopped)
		<-ended // a heartbeat under way arrives
	}
}

// run beats from the first interval on: a short activity has ended by then and tells the server itself.
func (p *pulse) run(ctx context.Context, stopped <-chan struct{}) {
	ticker := time.NewTicker(beatInterval)
	defer ticker.Stop()
	silent := false
	for {
		select {
		case <-ticker.C:
		case <-stopped:
			return
		}
		if progress, still := p.look(); still <= p.allowed() {
			silent = false
			p.send(ctx, progress)
		} else if !silent {
			silent = true
			p.quiet(ctx, progress, still)
		}
	}
}

// look gives the progress and for how long nothing has moved.
func (p *pulse) look() (spec.Progress, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.progress, time.Since(p.moved)
}

func (p *pulse) allowed() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.patience, stepFactor*p.longest)
}

// move notes that work was done that has no step number.
func (p *pulse) move() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moved = time.Now()
}

// row notes a row of a stage that has no other steps.
func (p *pulse) row() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moved = time.Now()
	p.progress.Step++
}

// step notes a step of the work and shows it to the server.
func (p *pulse) step(progress spec.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.stepping {
		p.longest = max(p.longest, now.Sub(p.moved))
	}
	p.stepping, p.moved, p.progress = true, now, showable(progress)
	p.patience = bulkPatience
}

// loading gives the device time to load a model.
func (p *pulse) loading() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moved, p.patience = time.Now(), loadPatience
}

// watch makes every transfer of a store count as movement.
func (p *pulse) watch(store storage.Store) storage.Store { return movingStore{store, p} }

type movingStore struct {
	storage.Store
	pulse *pulse
}

func (s movingStore) Put(ctx context.Context, key string, body io.ReadSeeker, condition storage.Condition) (storage.Info, error) {
	defer s.pulse.move()
	return s.Store.Put(ctx, key, movingSeeker{body, s.pulse}, condition)
}

func (s movingStore) Get(ctx context.Context, key string) (io.ReadCloser, storage.Info, error) {
	body, info, err := s.Store.Get(ctx, key)
	if err != nil {
		return nil, info, err
	}
	return movingBody{body, s.pulse}, info, nil
}

func (s movingStore) Stat(ctx context.Context, key string) (storage.Info, error) {
	defer s.pulse.move()
	return s.Store.Stat(ctx, key)
}

type movingSeeker struct {
	io.ReadSeeker
	pulse *pulse
}

func (r movingSeeker) Read(p []byte) (int, error) {
	n, err := r.ReadSeeker.Read(p)
	if n > 0 {
		r.pulse.move()
	}
	return n, err
}

type movingBody struct {
	io.ReadCloser
	pulse *pulse
}

func (r movingBody) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if n > 0 {
		r.pulse.move()
	}
	return n, err
}

// showable leaves out figures that JSON cannot hold: the SDK panics over a heartbeat that it cannot encode.
func showable(p spec.Progress) spec.Progress {
	for _, figure := range []*float64{&p.Epoch, &p.Loss, &p.LearningRate, &p.GradNorm, &p.EvalLoss, &p.LoggedLoss, &p.TokensPerSecond, &p.MatmulShare} {
		*figure = finite(*figure)
	}
	p.Metrics = maps.Clone(p.Metrics)
	maps.DeleteFunc(p.Metrics, func(_ string, value float64) bool { return !isFinite(value) })
	return p
}
