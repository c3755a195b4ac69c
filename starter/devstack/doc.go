// Package devstack runs everything that Elara needs on one machine: Temporal's own development server with its Web
// UI, the S3 gateway, one worker, and the desk. It needs no account and no container.
//
// It promises:
//   - all state lies under one folder, and one stack at a time uses a folder;
//   - everything listens on 127.0.0.1 only;
//   - a part that dies is started again on the same address, and the owner is told; no other stack of the machine takes
//     the address meanwhile, and a worker whose port for metrics a stranger has taken gets another, which the record tells;
//   - each part, and the whole, may be killed at any instant: the next start goes on from the folder;
//   - no part outlives the process that started it;
//   - credentials are made once, at random, readable by the owner only.
//
// It refuses a folder in use, an address in use that was asked for, and a machine without Temporal's binary.
//
//	stack, err := devstack.Start(ctx, devstack.Options{Folder: folder, Worker: "build/elara-worker"})
//	...
//	err = stack.Stop(ctx)
//
// Other processes find a running stack with [Find].
package devstack
