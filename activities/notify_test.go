package activities

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/spec/fault"
)

// bell notes what it is told. Its mail fails while it is broken.
type bell struct {
	rung   []spec.Notice
	told   [][]string
	broken bool
}

func (b *bell) Notify(_ context.Context, n spec.Notice, told []string) ([]string, error) {
	b.rung, b.told = append(b.rung, n), append(b.told, told)
	if b.broken {
		return []string{"webhook"}, fault.New(fault.Transient, "mail: %w", errors.New("no answer"))
	}
	return []string{"webhook", "mail"}, nil
}

func TestANoticeReachesWhoeverIsToHear(t *testing.T) {
	r := newRoom(t)
	n := spec.Notice{Kind: spec.NoticeApproval, Run: "winter", Channel: "stable"}
	require.Equal(t, n, do(t, r, r.control.Notify, n), "without anybody it goes to the log")
	var b bell
	r.control.Notifier = &b
	do(t, r, r.control.Notify, n)
	do(t, r, r.control.Escalate, spec.Escalation{Run: "cough", Level: 2, IdleHours: 48, Judged: 3, Wanted: 10})
	require.Equal(t, []spec.Notice{n, {Kind: spec.NoticePreferences, Run: "cough", Level: 2}}, b.rung)
}

func TestARetryTellsOnlyWhatFailed(t *testing.T) {
	r := newRoom(t)
	b := bell{broken: true}
	r.control.Notifier = &b
	_, err := try(t, r, r.control.Notify, spec.Notice{Kind: spec.NoticeApproval, Run: "winter"})
	kind, final := kindOf(t, err)
	require.Equal(t, fault.Transient, kind)
	require.False(t, final)

	b.broken = false
	r.SetHeartbeatDetails([]string{"webhook"}) // as the attempt before has left them
	do(t, r, r.control.Notify, spec.Notice{Kind: spec.NoticeApproval, Run: "winter"})
	require.Equal(t, [][]string{nil, {"webhook"}}, b.told)
}
