//go:build torch

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/telemetry/runlog"
	"elara/telemetry/series"
	"elara/tests/localhub"
)

// hubOf serves models by name, and gives temporary files a folder of their own.
func hubOf(t *testing.T, folders map[string]string) {
	t.Helper()
	localhub.Start(t, folders)
	t.Setenv("TMPDIR", t.TempDir())
}

func runs(t *testing.T, args ...string) {
	t.Helper()
	var stderr bytes.Buffer
	require.Equal(t, 0, execute(t.Context(), append([]string{"exec"}, args...), &stderr), stderr.String())
}

// laidOut says what a command left in the folder for temporary files.
func laidOut(t *testing.T) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	return entries
}

// logprobs.json and the model beside it were written by tests/peer/hub/torch_bin.py.
func TestModelOnAHubThatIsATorchFileScoresAsInPython(t *testing.T) {
	hubOf(t, map[string]string{"acme/tiny-gpt2": "testdata/gpt2-bin"})
	data, err := os.ReadFile("testdata/gpt2-bin/logprobs.json")
	require.NoError(t, err)
	var want, got struct {
		Text     string    `json:"text"`
		IDs      []int     `json:"ids"`
		LogProbs []float64 `json:"logprobs"`
	}
	require.NoError(t, json.Unmarshal(data, &want))
	s := site{dir: t.TempDir()}
	line, err := json.Marshal(map[string]string{"text": want.Text})
	require.NoError(t, err)
	s.write(t, "rows.jsonl", string(line)+"\n")

	runs(t, "score", "--model", "acme/tiny-gpt2", "--in", s.path("rows.jsonl"), "--out", s.path("scores.jsonl"))
	data, err = os.ReadFile(s.path("scores.jsonl"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &got))
	require.Equal(t, want.IDs, got.IDs)
	require.InDeltaSlice(t, want.LogProbs, got.LogProbs, 1e-5)
	require.Empty(t, laidOut(t))

	t.Setenv("HF_HUB_OFFLINE", "1")
	runs(t, "generate", "--model", "acme/tiny-gpt2", "--in", s.path("rows.jsonl"), "--out", s.path("answers.jsonl"), "--max-new-tokens", "2")
}

func TestAdapterTrainedOverANameIsTheOneTrainedOverAFolderAndSaysTheName(t *testing.T) {
	s := newSite(t)
	hubOf(t, map[string]string{"acme/tiny": s.path("model")})
	s.edit(t, "lora.json", map[string]any{"base_model": "acme/tiny@v1"})
	runs(t, "lora", "--config", s.path("lora.json"))
	require.Empty(t, laidOut(t))

	read := func(name string) []byte {
		data, err := os.ReadFile(s.path(name))
		require.NoError(t, err)
		return data
	}
	require.Equal(t, read("adapter/adapter_model.safetensors"), read("out/adapter_model.safetensors"))
	var byPath, byName map[string]any
	require.NoError(t, json.Unmarshal(read("adapter/adapter_config.json"), &byPath))
	require.NoError(t, json.Unmarshal(read("out/adapter_config.json"), &byName))
	require.Equal(t, "model", byPath["base_model_name_or_path"])
	require.Equal(t, "acme/tiny", byName["base_model_name_or_path"])
	require.Equal(t, "v1", byName["revision"])
	delete(byName, "revision")
	byName["base_model_name_or_path"] = "model"
	require.Equal(t, byPath, byName)
	wanted := bytes.Replace(read("adapter/adapter_config.json"), []byte(`"model"`), []byte(`"acme/tiny"`), 1)
	wanted = bytes.Replace(wanted, []byte(`  "target_modules"`), []byte("  \"revision\": \"v1\",\n  \"target_modules\""), 1)
	require.Equal(t, string(wanted), string(read("out/adapter_config.json")))
	runs(t, "score", "--model", "acme/tiny", "--adapter", s.path("out"), "--in", s.path("rows.jsonl"), "--out", s.path("scores.jsonl"))
}

func TestTrainingsOverOneNameShareItsFolderAndKeepTheirCurves(t *testing.T) {
	s := newSite(t)
	hubOf(t, map[string]string{"acme/tiny": s.path("model")})
	s.edit(t, "lora.json", map[string]any{"base_model": "acme/tiny", "training_args": map[string]any{"max_steps": 4, "logging_steps": 2, "save_steps": 2, "per_device_train_batch_size": 1}})
	configs := []string{}
	for _, name := range []string{"general", "patient"} {
		s.write(t, name+".json", s.contents(t)[s.path("lora.json")])
		s.edit(t, name+".json", map[string]any{"output_dir": "trained/" + name})
		configs = append(configs, "--config", s.path(name+".json"))
	}
	curves := []string{"--logging-dir", s.path("curves"), "--report-to", "tensorboard", "--run-name", "four"}
	runs(t, slices.Concat([]string{"lora"}, configs, curves)...)
	written, err := runlog.ReadRun(s.path("curves/four"))
	require.NoError(t, err)
	require.Len(t, written, 2)
	for i, name := range []string{"general", "patient"} {
		require.Equal(t, name, written[i].Run.Adapter)
		require.True(t, written[i].Run.Done())
		require.Len(t, written[i].Points, 2)
		require.EqualValues(t, 4, written[i].Points[1].Step)
		require.Equal(t, series.Setting{Key: "base_model", Value: json.RawMessage(`"acme/tiny"`)}, written[i].Run.Config[0])
	}
	require.FileExists(t, s.path("curves/four/report.html"))

	require.NoError(t, os.RemoveAll(s.path("trained/patient_checkpoints/checkpoint-4"))) // as if it had been killed at step 3
	require.NoError(t, os.RemoveAll(s.path("trained/patient")))
	runs(t, append([]string{"lora", "--config", s.path("patient.json"), "--resume"}, curves...)...)
	patient, err := runlog.Read(s.path("curves/four/patient"))
	require.NoError(t, err)
	require.Equal(t, written[1].Run.ID, patient.Run.ID)
	require.Len(t, patient.Run.Attempts, 2)
	require.EqualValues(t, 2, patient.Run.Attempts[1].ResumedFrom)
	require.Len(t, patient.Points, 2)
	before, _ := written[1].Points[1].Get(series.TrainLoss)
	after, _ := patient.Points[1].Get(series.TrainLoss)
	require.Equal(t, before, after)

	s.edit(t, "patient.json", map[string]any{"output_dir": "elsewhere/general"})
	var stderr bytes.Buffer
	require.Equal(t, 2, execute(t.Context(), slices.Concat([]string{"exec", "lora"}, configs, curves), &stderr))
	require.Contains(t, stderr.String(), "expected names that tell their curves apart")
}
