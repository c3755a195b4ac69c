package preference

import "elara/spec"

// View is one reviewer's part: how often which outcome. first and second are how many judgements were for the answer that
// was shown first, and second.
func View(name string, marks Marks, first, second int64) spec.ReviewerView {
	view := spec.ReviewerView{Reviewer: name, First: first, Second: second}
	for i := range marks {
		outcome, imported, judged := marks.At(i)
		if !judged {
			continue
		}
		view.Judged++
		if imported {
			view.Imported++
		}
		switch outcome {
		case spec.PrefersA:
			view.PrefersA++
		case spec.PrefersB:
			view.PrefersB++
		case spec.Tie:
			view.Tie++
		case spec.BothBad:
			view.BothBad++
		}
	}
	return view
}

// WithReviewers adds the reviewers to an agreement, and the share of judgements for one answer that went to the one
// shown first: half of them where position has no influence.
func WithReviewers(result spec.AgreementResult, reviewers []spec.ReviewerView) spec.AgreementResult {
	result.Reviewers = reviewers
	var first int64
	for _, reviewer := range reviewers {
		first += reviewer.First
		result.Decisive += reviewer.First + reviewer.Second
	}
	if result.Decisive > 0 {
		share := float64(first) / float64(result.Decisive)
		result.FirstWins = &share
	}
	return result
}
