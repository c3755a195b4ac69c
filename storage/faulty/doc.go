// Package faulty wraps a Store and makes it fail where a test says: before or after the n-th operation takes place,
// with a body that is cut or changed, after a pause, or by ignoring conditions. With no faults it is the store it wraps.
//
//	store := faulty.New(mem.New(), faulty.DieAfter(3))   // the process dies after the third operation took place
package faulty
