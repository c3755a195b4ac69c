package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"elara/configs"
	"elara/spec"
)

func TestScheduleNeverOverlapsAndForgetsWhatItMissedLongAgo(t *testing.T) {
	pipeline := configs.Pipeline{
		Input: spec.PipelineInput{Run: "left-over", Name: "night", Base: spec.BaseSource{Path: "/models/small"}},
		Schedule: configs.ScheduleConfig{
			Cron: "30 2 * * mon", CatchupHours: 1.5, Jitter: time.Minute, PauseOnFailure: true, Paused: true,
		},
	}
	var t1 target
	t1.settings.Queues = configs.QueueSettings{Control: "c", Train: "t"}
	got := scheduleOptions(pipeline, t1)

	require.Equal(t, "retrain.night", got.ID)
	require.Equal(t, enums.SCHEDULE_OVERLAP_POLICY_SKIP, got.Overlap)
	require.Equal(t, 90*time.Minute, got.CatchupWindow)
	require.True(t, got.PauseOnFailure)
	require.True(t, got.Paused)
	require.Equal(t, client.ScheduleSpec{CronExpressions: []string{"30 2 * * mon"}, Jitter: time.Minute}, got.Spec)
	action, isWorkflow := got.Action.(*client.ScheduleWorkflowAction)
	require.True(t, isWorkflow)
	require.Equal(t, "pipeline.night", action.ID)
	require.Equal(t, "c", action.TaskQueue)
	input, isPipeline := action.Args[0].(spec.PipelineInput)
	require.True(t, isPipeline)
	require.Empty(t, input.Run, "each run is named after its own time")
	require.Equal(t, "t", input.TrainQueue)

	pipeline.Schedule = configs.ScheduleConfig{Every: 24 * time.Hour, CatchupHours: 6}
	require.Equal(t, client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: 24 * time.Hour}}}, scheduleOptions(pipeline, t1).Spec)
}
