// Command setup is what `make setup` runs: it brings the pinned parts and writes build/env.sh.
//
// LIBTORCH names a libtorch of the user's own; set but empty, it forgets one that was named before. CUDA=1 takes the
// pinned libtorch's CUDA along, 2.5 GB to fetch; CUDA=0 goes back to the CPU.
// Exit codes: 0 ready, 2 something the user named does not fit, 1 anything else.
package main
