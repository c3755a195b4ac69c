package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// fewestSpans is the bound: the command, the workflow's start and run, the activity's run and one step.
const fewestSpans = 5

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	seen, err := runDemo(ctx)
	if err == nil {
		err = seen.check()
	}
	verdict, code := "ok", 0
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof otel:", err)
		verdict, code = "short", 1
	}
	traces := map[string]bool{}
	for _, span := range seen.spans {
		traces[span.Trace] = true
	}
	noun := "trace"
	if len(traces) != 1 {
		noun = "traces"
	}
	fmt.Printf("proof otel: %d spans in %d %s (bound 1 trace, >= %d spans) %s\n", len(seen.spans), len(traces), noun, fewestSpans, verdict)
	os.Exit(code)
}
