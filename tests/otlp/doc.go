// Package otlp is an OTLP gRPC endpoint on the loopback that keeps the spans it gets, for proofs that look at traces.
//
//	received, err := otlp.Start(ctx)
//	// ... give received.Address to what sends traces, let it run and shut it down ...
//	spans, err := received.Stop()
package otlp
