package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"elara/spec"
)

const (
	// patience bounds the whole proof.
	patience = 10 * time.Minute

	// bound is how long a run may take that has nothing to do.
	bound = 10 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := prove(ctx)
	verdict, code := "ok", 0
	if err != nil || found.unchanged > bound {
		verdict, code = "short", 1
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof upkeep:", err)
	}
	fmt.Printf("proof upkeep: unchanged %d steps in %.1f s, one changed row trains %v, a missed week runs %d times (bound 0 steps in 10 s, [doctor], 1) %s\n",
		found.steps, found.unchanged.Seconds(), found.trained, found.madeUp, verdict)
	os.Exit(code)
}

// outcome is what the runs came to.
type outcome struct {
	steps     int64         // of the run without a change
	unchanged time.Duration // from its start to its end
	trained   []spec.AdapterName
	madeUp    int64 // runs of the missed week
}

func prove(ctx context.Context) (found outcome, err error) {
	folder, err := os.MkdirTemp("", "elara-proof-upkeep-")
	if err != nil {
		return found, err
	}
	defer func() {
		if err == nil {
			err = os.RemoveAll(folder)
		} else {
			err = fmt.Errorf("%w (state in %s)", err, folder)
		}
	}()
	s, err := open(ctx, folder)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	first, err := s.scheduled(ctx)
	if err != nil {
		return found, err
	}
	if err := s.approve(ctx, first); err != nil {
		return found, err
	}

	second, err := s.scheduled(ctx)
	if err != nil {
		return found, err
	}
	if err := s.unchanged(ctx, second, &found); err != nil {
		return found, err
	}

	if err := s.writeWard("Turbulent blood flow that is heard over the heart."); err != nil {
		return found, err
	}
	third, err := s.scheduled(ctx)
	if err != nil {
		return found, err
	}
	if found.trained, err = s.trained(ctx, third); err != nil {
		return found, err
	}
	if !slices.Equal(found.trained, []spec.AdapterName{"doctor"}) {
		return found, fmt.Errorf("one row for doctors has changed, and %v were trained", found.trained)
	}
	if err := s.approve(ctx, third); err != nil {
		return found, err
	}
	if found.madeUp, err = s.missedWeek(ctx); err == nil && found.madeUp != 1 {
		err = fmt.Errorf("%d runs made up for a missed week", found.madeUp)
	}
	return found, err
}

// unchanged takes the time and the steps of a run that had nothing to do, and looks for its reasons.
func (s *site) unchanged(ctx context.Context, run spec.RunID, found *outcome) error {
	described, err := s.end(ctx, run)
	if err != nil {
		return err
	}
	found.unchanged = described.Closed.Sub(described.Started)
	if found.steps, err = s.steps(ctx, run); err != nil {
		return err
	}
	text, err := s.Elara(ctx, "watch", string(run))
	if err != nil {
		return err
	}
	for _, stage := range []string{"prepare/clean", "prepare/doctor", "train/patient", "train/doctor", "evaluate/patient", "approval", "release"} {
		if !strings.Contains(text, "  "+stage+": ") {
			return fmt.Errorf("run %s gives no reason for skipping %s", run, stage)
		}
	}
	if found.steps != 0 {
		return fmt.Errorf("run %s trained %d steps though nothing had changed", run, found.steps)
	}
	return nil
}
