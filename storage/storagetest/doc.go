// Package storagetest is the contract of storage.Store as tests, one suite for every implementation.
//
//	func TestContract(t *testing.T) {
//		storagetest.Run(t, func(t *testing.T) storage.Store { return mem.New() })
//	}
package storagetest
