package memory

import (
	"fmt"
	"slices"

	"elara/spec"
)

// Decide sets verdict and reasons: reject when a bound is certainly broken, insufficient data when a test could not have told or its
// interval spans the bound, promote when all hold.
func Decide(r *spec.MemoryResult) {
	planted, found := 0, 0
	for _, c := range r.Canaries {
		if c.Planted > 0 {
			planted++
		}
		if c.IsFound {
			found++
		}
	}
	var broken, open []string
	switch {
	case found > r.Bounds.CanariesFound:
		broken = append(broken, fmt.Sprintf("%d of %d canaries are found, at most %d may be", found, len(r.Canaries), r.Bounds.CanariesFound))
	case planted == 0:
		open = append(open, "no canary of this plan stands among the training rows, so that none could be found")
	}
	v := r.Verbatim
	switch {
	case len(v.Lines) > r.Bounds.VerbatimRows:
		broken = append(broken, fmt.Sprintf("%d of %d rows are told word for word over %d tokens, at most %d may be", len(v.Lines), v.Rows, r.Bounds.VerbatimTokens, r.Bounds.VerbatimRows))
	case v.Rows == v.TooShort:
		open = append(open, fmt.Sprintf("no row has %d tokens to be told word for word", r.Bounds.VerbatimTokens))
	}
	leastRows := spec.DefaultGateRules().MinItems // of a metric
	switch auc, rows := r.Membership.AUC, min(r.Membership.TrainedRows, r.Membership.HeldOutRows); {
	case rows < leastRows: // of so few, a bootstrap's interval is too narrow
		open = append(open, fmt.Sprintf("membership was tested on %d rows of one side, at least %d are needed", rows, leastRows))
	case auc.Low > r.Bounds.MembershipAUC:
		broken = append(broken, fmt.Sprintf("the loss tells training rows by an AUC of %s, at most %g may be", auc.Text(), r.Bounds.MembershipAUC))
	case !(auc.High <= r.Bounds.MembershipAUC): // or NaN
		open = append(open, fmt.Sprintf("the AUC of membership is %s, which does not tell whether it is at most %g; more rows would", auc.Text(), r.Bounds.MembershipAUC))
	}
	switch {
	case len(broken) > 0:
		r.Verdict, r.Reasons = spec.Reject, slices.Concat(broken, open)
	case len(open) > 0:
		r.Verdict, r.Reasons = spec.InsufficientData, open
	default:
		r.Verdict, r.Reasons = spec.Promote, []string{fmt.Sprintf("none of %d planted canaries, no row word for word, AUC of membership %s", planted, r.Membership.AUC.Text())}
	}
}
