// Command elara is how a person talks to Elara: it runs the embedded stack, starts pipelines, shows how far they
// are, takes a reviewer's decision and fetches what came out. One file holds one verb.
//
// It promises that bad input costs one line that says where and what was expected, that data goes to standard output
// and talk to standard error, that a pipe gets plain lines and --json gives data, and that its exit codes mean what
// [exitCode] says. It trains nothing and links no engine.
//
//	elara up --detach
//	elara run pipeline.yaml
//	elara approve run-id --as "Person A"
package main
