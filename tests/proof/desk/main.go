package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"elara/tests/ground"
)

// patience bounds the whole proof.
const patience = 15 * time.Minute

// outcome is what was told to people, and what of it is there.
type outcome struct {
	told, kept int // judgements that were confirmed; of them, those that the collections count
	extra      int // judgements that the collections count and nobody was told of
	barriers   int // rules of WCAG 2 AA that a page breaks
	pages      int // looked at
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := prove(ctx)
	verdict, code := "ok", 0
	if err != nil || found.kept != found.told || found.told != clicks+judgements || found.extra != 0 || found.barriers > 0 {
		verdict, code = "short", 1
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof desk:", err)
	}
	fmt.Printf("proof desk: %d of %d judgements kept, %d twice, %d barriers on %d pages (bound all, none, none) %s\n",
		found.kept, clicks+judgements, found.extra, found.barriers, found.pages, verdict)
	os.Exit(code)
}

// prove leaves the state folder where something went wrong.
func prove(ctx context.Context) (found outcome, err error) {
	folder, err := os.MkdirTemp("", "elara-proof-desk-")
	if err != nil {
		return found, err
	}
	defer func() {
		if err == nil {
			err = os.RemoveAll(folder)
		} else {
			err = errors.Join(err, fmt.Errorf("the stack's folder is %s", folder))
		}
	}()
	s := &site{Stack: ground.Stack{State: folder}}
	if err := s.open(ctx); err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	if err := s.prepare(ctx); err != nil {
		return found, err
	}
	if err := s.sitDown(ctx, &found); err != nil {
		return found, err
	}
	if err := s.judgeAtOnce(ctx, &found); err != nil {
		return found, err
	}
	return found, s.compare(ctx, &found)
}
