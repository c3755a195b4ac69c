// Command elara-worker does the work: it serves the task queues of a Temporal cluster, moves data and models through
// the object store, and trains on this machine's device. It is wiring only; the engine is linked in with the build tag
// torch.
//
// It promises to check what it needs before it takes work (the server, the namespace, and that the store honours
// conditions), and to save a training before it ends on SIGTERM or Ctrl-C. A second signal ends it at once.
//
// Exit codes: 0 done, 2 bad input (one line: what, where, what was expected), 1 anything else.
//
//	elara-worker --config worker.yaml --worker-device cuda:0
package main
