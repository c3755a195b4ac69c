// Package archtest holds the layers of Elara apart: who may import whom is a table here, and a test reads the
// whole module against it, with and without the tag torch.
//
// It promises that a breach names the importing package, the imported one and the rule; that a package the
// table does not know is a breach too; and that house rules which no linter has (a doc.go in every package,
// files a person can review, names that say something) are held as well.
//
// It looks at what ships: imports of test files are free, except that engine/tensor alone may ever import
// gotch. The reasons behind the table are in docs/adr/0002.
//
//	for _, breach := range archtest.Breaches(archtest.Table(), packages) { t.Error(breach) }
package archtest
