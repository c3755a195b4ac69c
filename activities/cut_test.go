package activities

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/storage/artifact"
	"elara/storage/mem"
	"elara/tests/toy"
)

// cutting is a toy training that leaves rows out: it names these lines and counts so many.
func cutting(dropped int64, lines ...int64) trainerFunc {
	return func(ctx context.Context, job spec.LoRAJob, resume *spec.Snapshot, observer spec.TrainObserver) (spec.TrainOutcome, error) {
		hears, wants := observer.(spec.CutObserver)
		if !wants {
			return spec.TrainOutcome{}, fmt.Errorf("a %T does not hear of rows that are cut", observer)
		}
		for _, line := range lines {
			hears.Cut(line)
		}
		outcome, err := toy.Trainer{}.TrainLoRA(ctx, job, resume, observer)
		outcome.RowsDropped = dropped
		return outcome, err
	}
}

// cutInput is a training on three rows of four; the second of the file is held out.
func cutInput(t *testing.T, r *room, until int64) spec.SegmentInput {
	t.Helper()
	in := segmentInput(t, r, "run-1", until)
	rows := ""
	for line, side := range []string{trainFile, evalFile, trainFile, trainFile} {
		rows += fmt.Sprintf("{\"file\":\"a.csv\",\"line\":%d,\"digest\":\"d%d\",\"in\":%q}\n", line+2, line+2, side)
	}
	dataset, err := artifact.PublishBytes(t.Context(), r.store, spec.KindDataset, map[string][]byte{
		trainFile: []byte("{\"text\": \"a\"}\n{\"text\": \"b\"}\n{\"text\": \"c\"}\n"), evalFile: []byte("{\"text\": \"d\"}\n"), rowsFile: []byte(rows),
	}, nil, nil)
	require.NoError(t, err)
	in.Dataset, in.Plan.MaxLength = dataset, 512
	return in
}

func TestRowsThatAreCutAreNamedInTheAdapter(t *testing.T) {
	r := newRoomWith(t, mem.New(), cutting(2, 2, 3))
	do(t, r, r.device.TrainSegment, cutInput(t, r, 7))
	last := do(t, r, r.device.TrainSegment, cutInput(t, r, 100)) // each segment hears of them anew
	require.True(t, last.Outcome.Done)
	require.Equal(t, []string{"adapter_model.safetensors", "cut.jsonl", "trainer_state.json"}, r.names(t, last.Adapter))
	require.Equal(t, `{"file":"a.csv","line":4,"digest":"d4","bucket":"cut","reason":"no token to learn from is left within max_length 512"}
{"file":"a.csv","line":5,"digest":"d5","bucket":"cut","reason":"no token to learn from is left within max_length 512"}
`, r.read(t, last.Adapter, cutFile))
}

func TestAnAccountOfCutRowsThatCannotBeRightIsADefect(t *testing.T) {
	for name, test := range map[string]struct {
		trainer trainerFunc
		says    string
	}{
		"fewer than were counted": {cutting(2, 3), "left out 2 rows and named 1 lines"},
		"out of order":            {cutting(2, 3, 2), "named 2 lines"},
		"twice the same":          {cutting(2, 2, 2), "which has 3"},
		"beyond the file":         {cutting(1, 4), "line 4 of the training file, which has 3"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoomWith(t, mem.New(), test.trainer)
			_, err := try(t, r, r.device.TrainSegment, cutInput(t, r, 100))
			require.ErrorContains(t, err, test.says)
		})
	}
}
