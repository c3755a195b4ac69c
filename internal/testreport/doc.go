// Command testreport reads what `go test -json` prints and shows it as a person wants it: go test's own line
// for each package, everything a failing test said, and at the end each skipped test with its reason.
//
//	go test -json ./... | testreport
//
// The last line is "N passed, N failed, N skipped". Exit codes: 0 nothing failed; 1 a test or a build failed,
// or the input held no test at all. It counts what go test counts: subtests too. Lines that are not JSON are
// passed on, so that nothing the go command says is lost.
package main
