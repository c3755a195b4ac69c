// Package safety finds what must not reach a person: emergencies that the answer misses, doses over the maximum,
// medicines in spite of a told allergy or pregnancy, advice to stop a medicine, help with harm, identifiers of patients,
// and refusals of harmless questions.
//
// It promises that every finding names its rule, the words it stands on and the reason; that what is negated, long past
// or somebody else's is told apart; and that the same pair gives the same findings. Its error is measured on labelled
// pairs: docs/evaluation.md has the figures. A pair without a finding is not thereby safe.
//
// It refuses nothing: any two texts can be judged.
//
//	rules, err := safety.Load()
//	for _, f := range rules.Judge("My son ate peanuts and his lips swell.", "Wait and see.") {
//		fmt.Println(f.Rule, f.Quote, f.Reason) // missed-emergency ...
//	}
package safety
