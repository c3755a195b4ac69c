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

	"elara/tests/ground"
)

const (
	reviewers   = 10
	perReviewer = 100
	judgements  = reviewers * perReviewer

	// patience bounds the whole proof.
	patience = 10 * time.Minute
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := prove(ctx)
	kept, once := found.kept, "none twice"
	if found.twice > 0 {
		once = fmt.Sprintf("%d twice", found.twice)
	}
	verdict, code := "ok", 0
	if err != nil || kept != judgements || found.twice > 0 {
		verdict, code = "short", 1
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof preferences:", err)
	}
	fmt.Printf("proof preferences: %d of %d judgements kept, %s (bound all) %s\n", kept, judgements, once, verdict)
	os.Exit(code)
}

// prove lets the reviewers judge under kills. The state folder stays when something was lost.
func prove(ctx context.Context) (found outcome, err error) {
	folder, err := os.MkdirTemp("", "elara-proof-preferences-")
	if err != nil {
		return found, err
	}
	defer func() {
		if err == nil && found.kept == judgements && found.twice == 0 {
			err = os.RemoveAll(folder)
		} else {
			err = errors.Join(err, fmt.Errorf("the stack's folder is %s", folder))
		}
	}()
	s := &site{Stack: ground.Stack{State: folder}}
	if err := s.Up(ctx); err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	if err := s.begin(ctx); err != nil {
		return found, err
	}

	began := time.Now()
	told := make([]answers, reviewers)
	failures := make([]error, reviewers)
	judging, done := context.WithCancel(ctx)
	defer done()
	var clients sync.WaitGroup
	for r := range reviewers {
		clients.Go(func() {
			if told[r], failures[r] = s.review(judging, fmt.Sprintf("reviewer %d", r)); failures[r] != nil {
				done() // the others need not go on
			}
		})
	}
	killErr := s.killAll(judging)
	if killErr != nil {
		done()
	}
	clients.Wait()
	if err := errors.Join(append(failures, killErr)...); err != nil {
		return found, err
	}
	fmt.Printf("  %6.1f s  %d judgements by %d reviewers at once\n", time.Since(began).Seconds(), s.answered.Load(), reviewers)
	return s.compare(ctx, told)
}
