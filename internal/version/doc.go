// Package version tells which build this program is, as every program of Elara prints and reports it. It reads what the
// compiler has noted and promises a text in any case.
//
//	root.Version = version.Text()
package version
