package activities

import (
	"context"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"elara/spec"
	"elara/storage"
	"elara/storage/mem"
)

// heard is what a server would have been told.
type heard struct {
	mu    sync.Mutex
	beats []spec.Progress
}

func (h *heard) hear(_ context.Context, progress spec.Progress) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.beats = append(h.beats, progress)
}

func (h *heard) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.beats)
}

// pass lets time go by on the clock of synctest.
func pass(d time.Duration) { <-time.After(d) }

// listen makes a pulse that beats into heard, in the bubble of synctest: its clock is not the real one.
func listen(patience time.Duration) (*pulse, *heard) {
	h := &heard{}
	p := &pulse{moved: time.Now(), patience: patience, send: h.hear, quiet: func(context.Context, spec.Progress, time.Duration) {}}
	p.start(context.Background())
	return p, h
}

func TestPulseBeatsWhileTheWorkMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h := listen(10 * time.Minute)
		defer p.stop()
		for step := range int64(6) { // one step in nine minutes is slow, not dead
			pass(9 * time.Minute)
			p.step(spec.Progress{Step: step})
		}
		synctest.Wait()
		require.Equal(t, 54*30, h.count()) // every two seconds for 54 minutes
	})
}

func TestPulseOfHungWorkFallsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h := listen(10 * time.Minute)
		defer p.stop()
		pass(10*time.Minute + time.Second)
		synctest.Wait()
		silent := h.count()
		require.Equal(t, 300, silent)
		pass(time.Hour)
		synctest.Wait()
		require.Equal(t, silent, h.count())

		p.move() // and comes back when the work does
		pass(2 * time.Second)
		synctest.Wait()
		require.Equal(t, silent+1, h.count())
	})
}

func TestPulseAllowsStepsThatAreMuchLongerThanTheLongestSoFar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := listen(time.Minute)
		defer p.stop()
		p.loading()
		require.Equal(t, 30*time.Minute, p.allowed())
		pass(29 * time.Minute) // loading is not a step
		p.step(spec.Progress{Step: 1})
		require.Equal(t, 10*time.Minute, p.allowed())
		pass(2 * time.Minute)
		p.step(spec.Progress{Step: 2})
		require.Equal(t, 40*time.Minute, p.allowed())
	})
}

func TestTransfersAreMovement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := listen(10 * time.Minute)
		defer p.stop()
		store := p.watch(mem.New())
		still := func() time.Duration { _, still := p.look(); return still }

		pass(time.Minute)
		_, err := store.Put(t.Context(), "a", strings.NewReader("text"), storage.Always())
		require.NoError(t, err)
		require.Zero(t, still())
		pass(time.Minute)
		body, _, err := store.Get(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, time.Minute, still()) // opening moves nothing yet
		content, err := io.ReadAll(body)
		require.NoError(t, err)
		require.Equal(t, "text", string(content))
		require.Zero(t, still())
	})
}

func TestHeartbeatHoldsOnlyFiguresThatCanBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h := listen(time.Minute)
		defer p.stop()
		p.step(spec.Progress{Step: 4, Loss: math.NaN(), GradNorm: math.Inf(1), LearningRate: 0.5})
		pass(beatInterval)
		synctest.Wait()
		require.Equal(t, spec.Progress{Step: 4, LearningRate: 0.5}, h.beats[len(h.beats)-1])
	})
}
