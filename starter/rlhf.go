package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"

	"elara/internal/connect"
	"elara/spec"
	"elara/workflows"
)

// aligning looks at the first adapter whose alignment is under way: at its own activity, or at its child's.
func (o *observer) aligning(ctx context.Context, v *view) error {
	for _, status := range v.Status.RLHF {
		if !status.Policy.IsZero() {
			continue
		}
		described, err := o.server.DescribeWorkflowExecution(ctx, status.WorkflowID, "")
		var missing *serviceerror.NotFound
		if errors.As(err, &missing) {
			return nil // it has not begun
		}
		if err != nil {
			return connect.Fault(err)
		}
		at := status.WorkflowID
		for _, child := range described.GetPendingChildren() {
			at = child.GetWorkflowId()
		}
		if status.Collection != "" && at == workflows.PreferencesID(status.Collection) {
			v.Asked = status.Collection
			return nil
		}
		return o.show(ctx, v, at)
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
