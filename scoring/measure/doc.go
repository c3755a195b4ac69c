// Package measure says how good a measure is: precision, recall, F1, area under the curve, each with a 95 % interval.
//
// It promises the same figures on every machine: intervals of shares are Wilson's, all others a bootstrap whose draws
// are a function of the seed and the draw's number. It refuses nothing; an undefined figure (no case, one class only)
// is NaN, and stays NaN.
//
//	recall := measure.Share(47, 50)
//	fmt.Println(recall) // 0.940 (0.838 to 0.979, n = 50)
package measure
