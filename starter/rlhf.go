package main

import (
	"context"
	"fmt"
	"strings"

	"elara/spec"
	"elara/workflows"
)

// aligning looks at the first adapter whose alignment is under way: at its own activity, or at its child's.
func (o *observer) aligning(ctx context.Context, v *view) error {
	for _, status := range v.Status.RLHF {
		if !status.Policy.IsZero() {
			continue
		}
		described, err := o.describe(ctx, status.WorkflowID)
		if err != nil {
			return err
		}
		children := described.GetPendingChildren()
		if len(children) == 0 {
			v.add(pendingOf(described))
			return nil
		}
		child := children[len(children)-1].GetWorkflowId()
		if status.Collection != "" && child == workflows.PreferencesID(status.Collection) {
			v.Asked = status.Collection
			return nil
		}
		return o.show(ctx, v, child)
	}
	return nil
}

// rlhfText is the alignment of one adapter on one line.
func rlhfText(s spec.RLHFStatus) string {
	text := fmt.Sprintf("Align    %s by %s: ", s.Adapter, s.Method)
	switch {
	case s.Policy.IsZero() && s.Collection != "":
		text += fmt.Sprintf("under way, people are asked in collection %s", s.Collection)
	case s.Policy.IsZero():
		text += "under way"
	default:
		text += "adapter " + s.Policy.Digest.Short()
	}
	if len(s.Alarms) > 0 {
		text += fmt.Sprintf(", stopped by the guard (%s)", strings.Join(s.Alarms, ", "))
	}
	return text + "\n"
}
