package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// patience bounds the whole proof.
const patience = 15 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	all := 0
	for _, d := range disturbances() {
		all += len(d.kills)
	}
	survived, err := prove(ctx)
	verdict, code := "ok", 0
	if err != nil || survived != all {
		verdict, code = "short", 1
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof kill-resume:", err)
	}
	fmt.Printf("proof kill-resume: %d of %d kills end in the undisturbed bytes (bound all) %s\n", survived, all, verdict)
	os.Exit(code)
}

// prove gives the number of kills whose run ended in the undisturbed bytes. The state folders stay when one did not.
func prove(ctx context.Context) (survived int, err error) {
	work, err := os.MkdirTemp("", "elara-proof-kill-resume-")
	if err != nil {
		return 0, err
	}
	defer func() {
		if err == nil {
			err = os.RemoveAll(work)
		} else {
			err = fmt.Errorf("%w (state folders in %s)", err, work)
		}
	}()
	room, err := newRoom(ctx, work)
	if err != nil {
		return 0, err
	}
	want, err := room.undisturbed(ctx)
	if err != nil {
		return 0, fmt.Errorf("undisturbed run: %w", err)
	}
	all := disturbances()
	sites := make([]*site, len(all))
	defer func() {
		for _, s := range sites {
			if s != nil {
				err = errors.Join(err, s.Close(ctx))
			}
		}
	}()
	// All stacks start before anything is killed: a new stack might take a port that a dead worker has just left.
	for i, d := range all {
		if sites[i], err = room.open(ctx, d.name); err != nil {
			return 0, fmt.Errorf("%s: %w", d.name, err)
		}
	}
	failures := make([]error, len(all))
	var group sync.WaitGroup
	for i, d := range all {
		group.Go(func() { failures[i] = sites[i].disturbed(ctx, d, want) })
	}
	group.Wait()
	for i, d := range all {
		if failures[i] != nil {
			failures[i] = fmt.Errorf("%s: %w", d.name, failures[i])
			continue
		}
		survived += len(d.kills)
	}
	return survived, errors.Join(failures...)
}

// undisturbed gives what the pipeline makes when nobody kills anything.
func (r room) undisturbed(ctx context.Context) (_ outcome, err error) {
	began := time.Now()
	s, err := r.open(ctx, "undisturbed")
	if err != nil {
		return outcome{}, err
	}
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	if err := s.begin(ctx); err != nil {
		return outcome{}, err
	}
	got, err := s.end(ctx)
	if err == nil {
		fmt.Printf("  %6.1f s  undisturbed: %s\n", time.Since(began).Seconds(), got)
	}
	return got, err
}

// disturbed runs the same pipeline under kills and compares what it made.
func (s *site) disturbed(ctx context.Context, d disturbance, want outcome) error {
	began := time.Now()
	if err := s.begin(ctx); err != nil {
		return err
	}
	var steps []int64
	for _, k := range d.kills {
		step, err := s.deal(ctx, k)
		if err != nil {
			return err
		}
		steps = append(steps, step)
	}
	got, err := s.end(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("  %6.1f s  %s: killed at step %v, %s\n", time.Since(began).Seconds(), d.name, steps, got)
	if interrupted := d.interruptions(); got.attempts < want.attempts+interrupted {
		return fmt.Errorf("%d attempts at a segment, the undisturbed run took %d: %d kills were to interrupt one", got.attempts, want.attempts, interrupted)
	}
	return got.differs(want)
}
