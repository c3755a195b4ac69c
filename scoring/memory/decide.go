package memory

import (
	"fmt"
	"slices"
	"strings"

	"elara/spec"
)

// surely is the one-sided level at which the AUC of membership counts as above its bound, that of the gates.
const surely = 0.025

// Decide sets verdict and reasons over the parts that were asked: reject when a bound is certainly broken, insufficient data when a
// test could not have told or its interval spans the bound, promote when all hold. Membership takes leastRows of each side: of fewer,
// a bootstrap's interval is too narrow.
func Decide(r *spec.MemoryResult, leastRows int) {
	says := map[spec.GateVerdict][]string{}
	for _, part := range r.Parts {
		verdict, reason := judge(*r, part, leastRows)
		says[verdict] = append(says[verdict], reason)
	}
	switch broken, open := says[spec.Reject], says[spec.InsufficientData]; {
	case len(broken) > 0:
		r.Verdict, r.Reasons = spec.Reject, slices.Concat(broken, open)
	case len(open) > 0:
		r.Verdict, r.Reasons = spec.InsufficientData, open
	default:
		r.Verdict, r.Reasons = spec.Promote, []string{strings.Join(says[spec.Promote], ", ")}
	}
}

func judge(r spec.MemoryResult, part spec.MemoryPart, leastRows int) (spec.GateVerdict, string) {
	switch part {
	case spec.PartCanaries:
		return judgeCanaries(r.Canaries, r.Bounds)
	case spec.PartVerbatim:
		return judgeVerbatim(r.Verbatim, r.Bounds)
	default:
		return judgeMembership(r.Membership, r.BaseMembership, r.Bounds.MembershipAUC, leastRows)
	}
}

func judgeCanaries(canaries []spec.Exposure, bounds spec.MemoryBounds) (spec.GateVerdict, string) {
	planted, found := 0, 0
	for _, c := range canaries {
		if c.Planted > 0 {
			planted++
		}
		if c.IsFound {
			found++
		}
	}
	switch {
	case found > bounds.CanariesFound:
		return spec.Reject, fmt.Sprintf("%d of %d canaries are found, at most %d may be", found, len(canaries), bounds.CanariesFound)
	case planted == 0:
		return spec.InsufficientData, "no canary of this plan stands among the training rows, so that none could be found"
	}
	return spec.Promote, fmt.Sprintf("%d of %d planted canaries found", found, planted)
}

func judgeVerbatim(v spec.Verbatim, bounds spec.MemoryBounds) (spec.GateVerdict, string) {
	switch {
	case v.Told > bounds.VerbatimRows:
		return spec.Reject, fmt.Sprintf("%d of %d rows are told word for word over %d tokens, at most %d may be",
			v.Told, v.Rows, bounds.VerbatimTokens, bounds.VerbatimRows)
	case v.Rows == v.TooShort:
		return spec.InsufficientData, fmt.Sprintf("no row has %d tokens to be told word for word", bounds.VerbatimTokens)
	}
	return spec.Promote, fmt.Sprintf("%d of %d rows word for word", v.Told, v.Rows-v.TooShort)
}

// judgeMembership takes the base as the control that it is: it was trained on neither side.
func judgeMembership(m spec.Membership, base *spec.Membership, bound float64, leastRows int) (spec.GateVerdict, string) {
	switch rows := min(m.TrainedRows, m.HeldOutRows); {
	case rows < leastRows:
		return spec.InsufficientData, fmt.Sprintf("membership was tested on %d rows of one side, at least %d are needed", rows, leastRows)
	case base != nil && base.AUC.Low > bound:
		return spec.InsufficientData, fmt.Sprintf("the base tells training rows from held-out ones by an AUC of %s though it saw neither: "+
			"they differ in kind, and the adapter's %s says nothing", base.AUC.Text(), m.AUC.Text())
	case m.AUC.Low > bound && m.HolmAbove <= surely:
		return spec.Reject, fmt.Sprintf("the loss tells training rows by an AUC of %s, at most %g may be", m.AUC.Text(), bound)
	case !(m.AUC.High <= bound): // or NaN
		return spec.InsufficientData, fmt.Sprintf("the AUC of membership is %s, which does not tell whether it is at most %g; more rows would",
			m.AUC.Text(), bound)
	}
	return spec.Promote, fmt.Sprintf("AUC of membership %s", m.AUC.Text())
}
