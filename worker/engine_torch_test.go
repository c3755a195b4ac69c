//go:build torch

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/configs"
	"elara/internal/testdevice"
	"elara/spec/fault"
)

func TestWorkerServesTheClassOfItsDeviceAndRefusesOneThatIsMissing(t *testing.T) {
	class, _, _ := strings.Cut(testdevice.Name(), ":")
	engine, err := openEngine(t.Context(), configs.WorkerSettings{Device: testdevice.Name(), Threads: 1, AdaptersAtOnce: 3})
	require.NoError(t, err)
	require.Equal(t, class, engine.Device)
	require.Equal(t, 3, engine.AtOnce)
	require.NoError(t, engine.close())

	_, err = openEngine(t.Context(), configs.WorkerSettings{Device: "cuda:99"})
	require.ErrorContains(t, err, "worker.device: device cuda:99: ")
	require.Equal(t, fault.Invalid, fault.KindOf(err))
}
