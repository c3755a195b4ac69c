// Command monitoring writes curves for the peers to read: a training of 480 steps that is killed twice, with an adapter
// whose every number can be computed by hand. The proof of monitoring runs it; stub.py is the W&B server of this
// machine, and read.py has the peers read what was written.
//
// It promises the same numbers at every run, and leaves the files as a killed process does. It refuses to talk to
// anything but the server it is given.
//
//	go run ./tests/peer/monitoring --dir DIR --server http://127.0.0.1:8080
package main
