// Package mem is a Store in the memory of the process, for tests. It honours the whole contract of storage.Store and
// forgets everything with the process.
//
//	store := mem.New()
package mem
