// Package refusal tells an answer that declines from one that answers: both relevance and safety ask for it.
//
// It promises to look at the sentences that are left when refusals and pointers to a doctor are taken away; an answer
// with both a caveat and a content is an answer. It refuses nothing.
//
//	reader, err := refusal.Load()
//	reading := reader.Read(text.Parse("I can't help with that. Please see a doctor."))
//	fmt.Println(reading.IsRefusal, reading.ContentWords) // true 0
package refusal
