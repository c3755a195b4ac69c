// Package dose reads amounts with their units, and how often they are taken: "two 500 mg tablets every six hours".
//
// It promises one unit for each kind of amount: masses are milligrams, volumes millilitres, durations hours, shares per
// cent. Ranges keep both ends. It refuses nothing: what it cannot read it leaves out.
//
//	for _, r := range dose.Regimens(text.Parse("Take 1 g every 6 hours.")) { fmt.Println(r.SingleMg, r.DailyMg) } // 1000 4000
package dose
