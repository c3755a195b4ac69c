//go:build torch

package recipes

import (
	"context"
	"errors"
	"sync"

	"elara/data/tokenizer"
	"elara/engine/lora"
	"elara/engine/nn"
	"elara/engine/sample"
	"elara/spec"
	"elara/spec/fault"
)

// ServeJob says what answers.
type ServeJob struct {
	BaseModel string
	Adapters  []ServeAdapter
	BF16      bool
	Rows      int // requests continued side by side
	Tokens    int // tokens of all of them that the cache holds, ended ones included that others may go on from
}

// ServeAdapter is one adapter by the name that requests call it.
type ServeAdapter struct {
	Name      string
	Dir       string // in PEFT's form
	BaseModel string // over which it was trained, as its folder says
}

// Session continues prompts over one base and its adapters while Serve runs. Its methods may be called from many goroutines.
type Session struct {
	Tokenizer *tokenizer.Tokenizer
	Window    int         // the model's positions
	Base      spec.Digest // of the base's files

	runner   *Runner
	base     *base
	limits   sample.Limits
	slots    map[string]int
	arrivals chan *ticket
	ended    chan struct{} // closed when nobody continues anything any more
}

// ticket is one request on its way through the loop.
type ticket struct {
	ctx      context.Context
	request  sample.Request
	sequence *sample.Sequence
	given    int        // tokens that were handed out
	tokens   chan int32 // has room for all of them: who reads slowly keeps nobody waiting
	err      error      // of one that failed; read after tokens is closed
}

// Serve loads a base and adapters and runs f with a session over them; requests that run when f returns are ended. Other recipes
// on the base get their turn between steps.
func (r *Runner) Serve(ctx context.Context, job ServeJob, f func(*Session) error) error {
	b, err := r.acquire(ctx, baseKey{path: job.BaseModel, dtype: r.dtype(job.BF16, false)})
	if err != nil {
		return err
	}
	defer r.release(b)
	digest, err := baseDigest(b.key.path)
	if err != nil {
		return err
	}
	window := int(b.model.Facts().MaxPositions)
	s := &Session{
		Tokenizer: b.tok, Window: window, Base: digest, runner: r, base: b,
		limits: sample.Limits{Rows: job.Rows, Tokens: max(job.Tokens, window)}, slots: map[string]int{"": nn.NoAdapter},
		arrivals: make(chan *ticket), ended: make(chan struct{}),
	}
	return s.attach(ctx, job.Adapters, func() error { return s.while(ctx, f) })
}

// attach runs f while the adapters sit on the base.
func (s *Session) attach(ctx context.Context, adapters []ServeAdapter, f func() error) (err error) {
	var loaded []*lora.Adapter
	defer func() {
		err = errors.Join(err, s.runner.Engine.Do(func() error {
			for _, a := range loaded {
				s.base.remove(a)
			}
			return nil
		}))
	}()
	for _, adapter := range adapters {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := s.fits(adapter); err != nil {
			return err
		}
		if err := s.runner.Engine.Do(func() error {
			a, err := s.base.put(func(slot int) (*lora.Adapter, error) { return lora.LoadShared(s.base.model, slot, adapter.Dir) })
			if err != nil {
				return err
			}
			loaded, s.slots[adapter.Name] = append(loaded, a), a.Slot()
			return nil
		}); err != nil {
			return err
		}
	}
	return f()
}

// while runs f beside the loop that continues its requests.
func (s *Session) while(ctx context.Context, f func(*Session) error) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx)) // f ends its requests in order, after ctx has ended
	var loop sync.WaitGroup
	loop.Go(func() {
		defer close(s.ended)
		s.loop(running)
	})
	defer loop.Wait()
	defer stop()
	return f(s)
}

// Generate continues a prompt by an adapter; its name is empty for the base alone. It hands out each token, also the one that
// ends the text, and gives why the text has ended. An error of each, or the end of ctx, ends it.
func (s *Session) Generate(ctx context.Context, adapter string, request sample.Request, each func(id int32) error) (sample.End, error) {
	slot, found := s.slots[adapter]
	if !found {
		return "", fault.New(fault.NotFound, "no adapter has the name %q", adapter)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // the loop ends what nobody waits for
	request.Adapter, request.Options.Stop = slot, stops(s.Tokenizer)
	t := &ticket{ctx: ctx, request: request, tokens: make(chan int32, max(0, request.MaxNewTokens))}
	select {
	case s.arrivals <- t:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case <-s.ended:
		return "", fault.New(fault.Transient, "nothing is served any more")
	}
	for {
		select {
		case id, more := <-t.tokens:
			if !more {
				return t.end()
			}
			if err := each(id); err != nil {
				return "", err
			}
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// end is how a ticket went. It is called when its tokens have ended.
func (t *ticket) end() (sample.End, error) {
	if t.err != nil {
		return "", t.err
	}
	return t.sequence.End, nil
}

// loop owns the batch: it takes requests in, moves all of them by a token, and hands the tokens out.
func (s *Session) loop(ctx context.Context) {
	var batch *sample.Batch
	var live []*ticket
	// Freeing cannot fail.
	free := func() error {
		if batch != nil {
			batch.Free()
			batch = nil
		}
		return nil
	}
	defer func() { _ = s.runner.Engine.Do(free) }()
	for {
		arrived := s.arrived(ctx, len(live) == 0)
		live = append(live, arrived...)
		if ctx.Err() != nil {
			fail(live, fault.New(fault.Transient, "nothing is served any more"))
			return
		}
		err := s.runner.Engine.Do(func() error {
			if batch == nil {
				batch = sample.NewBatch(s.base.model, s.limits)
			}
			for _, t := range arrived {
				t.sequence, t.err = batch.Add(t.request)
			}
			for _, t := range live {
				if t.err == nil && t.ctx.Err() != nil {
					batch.Cancel(t.sequence)
				}
			}
			_, err := batch.Step(ctx)
			return err
		})
		if err != nil { // such a batch is good for nothing more; what comes next gets a new one
			fail(live, err)
			live, _ = nil, s.runner.Engine.Do(free)
			continue
		}
		kept := live[:0]
		for _, t := range live {
			if t.deliver() {
				kept = append(kept, t)
			}
		}
		clear(live[len(kept):])
		live = kept
	}
}

// arrived gives the requests that have come; where none runs it waits for one.
func (s *Session) arrived(ctx context.Context, wait bool) (all []*ticket) {
	for {
		if wait {
			select {
			case t := <-s.arrivals:
				all, wait = append(all, t), false
			case <-ctx.Done():
				return all
			}
			continue
		}
		select {
		case t := <-s.arrivals:
			all = append(all, t)
		default:
			return all
		}
	}
}

// deliver hands out new tokens, and reports whether more are to come.
func (t *ticket) deliver() bool {
	if t.err == nil {
		for ; t.given < len(t.sequence.Tokens); t.given++ {
			t.tokens <- t.sequence.Tokens[t.given]
		}
		if t.sequence.End == sample.Running {
			return true
		}
		t.err = t.sequence.Err
	}
	close(t.tokens)
	return false
}

// fail ends tickets by an error.
func fail(all []*ticket, err error) {
	for _, t := range all {
		t.err = err
		close(t.tokens)
	}
}
