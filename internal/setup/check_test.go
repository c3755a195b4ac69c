package setup

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

// program puts a shell script on an otherwise unchanged PATH.
func program(t *testing.T, name, script string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, name), "#!/bin/sh\n"+script+"\n", 0o755)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return filepath.Join(dir, name)
}

func TestVersionsAreComparedNumberByNumber(t *testing.T) {
	for _, c := range []struct {
		version, minimum string
		want             bool
	}{
		{"1.9.1", "1.9", true}, {"1.10.0", "1.9", true}, {"1.8.9", "1.9", false}, {"2.0", "1.9", true}, {"0.99", "1.9", false},
		{"12", "9", true}, {"8.3.0", "9", false}, {"1.26rc1", "1.26", true}, {"1.26.8", "1.26", true}, {"", "1", false}, {"1", "1.0.0", true},
	} {
		require.Equal(t, c.want, atLeast(c.version, c.minimum), "%q against %q", c.version, c.minimum)
	}
}

func TestEveryMissingToolIsNamedWithItsPackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := requireTools(context.Background())
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	for _, debian := range []string{"Debian package gcc", "Debian package g++", "Debian package make", "Debian package python3-pip"} {
		require.ErrorContains(t, err, debian)
	}
}

func TestToolThatIsTooOldSaysWhatWasFound(t *testing.T) {
	program(t, "g++", "echo 8.3.0")
	err := requireTools(context.Background())
	require.ErrorContains(t, err, "g++: found 8.3.0, expected 9 or newer")
}

func TestInstalledTemporalIsTakenWhenItsVersionFits(t *testing.T) {
	t.Setenv("ELARA_TEMPORAL", "")
	c := newCache(t)
	pinned := filepath.Join(c.Dir(temporalServer()), "bin", "temporal")
	write(t, pinned, "", 0o755)

	installed := program(t, "temporal", `echo "temporal version 1.10.2 (Server 1.33.0, UI 2.60.0)"`)
	path, err := Temporal(context.Background())
	require.NoError(t, err)
	require.Equal(t, installed, path)

	program(t, "temporal", `echo "temporal version 1.1.0 (Server 1.25.0, UI 2.30.0)"`)
	path, err = Temporal(context.Background())
	require.NoError(t, err)
	require.Equal(t, pinned, path)

	program(t, "temporal", `echo "something else"`)
	path, err = Temporal(context.Background())
	require.NoError(t, err)
	require.Equal(t, pinned, path)
}

func TestWhatSetupHasNotBroughtIsNotFound(t *testing.T) {
	newCache(t)
	t.Setenv("PATH", t.TempDir())
	t.Setenv("ELARA_TEMPORAL", "")
	t.Setenv("ELARA_SMOLLM2", "")
	_, err := Temporal(context.Background())
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	_, err = SmolLM2()
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	require.ErrorContains(t, err, "run make setup")

	t.Setenv("ELARA_SMOLLM2", "/no/such/model.gguf")
	_, err = SmolLM2()
	require.ErrorContains(t, err, "/no/such/model.gguf")
}

func TestChecksNameWhatIsMissing(t *testing.T) {
	newCache(t)
	t.Setenv("LIBTORCH", "")
	t.Setenv("ELARA_TEMPORAL", "")
	t.Setenv("ELARA_SMOLLM2", "")
	t.Setenv("PATH", t.TempDir())
	ok := map[string]bool{}
	for _, c := range Checks(context.Background(), "") {
		ok[c.Name] = c.OK
		if !c.OK {
			require.NotEmpty(t, c.Remedy, c.Name)
			require.NotEmpty(t, c.Expected, c.Name)
			require.NotEmpty(t, c.Found, c.Name)
		}
	}
	for _, name := range []string{"gcc", "g++", "make", "pip", "libtorch", "toolchain", "temporal", "smollm2"} {
		got, listed := ok[name]
		require.True(t, listed, name)
		require.False(t, got, name)
	}
}

// machine writes the kernel's files for a machine with one GPU and a container's memory limit.
func machine(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	write(t, filepath.Join(root, "proc/cpuinfo"),
		"processor\t: 0\nmodel name\t: Fast CPU 9000\nflags\t\t: fpu avx2 avx512f amx_bf16\n\nprocessor\t: 1\nflags\t: fpu\n", 0o644)
	write(t, filepath.Join(root, "proc/meminfo"), "MemTotal:       16000000 kB\nMemFree: 1 kB\nMemAvailable:    8000000 kB\n", 0o644)
	write(t, filepath.Join(root, "sys/fs/cgroup/memory.max"), "8000000000\n", 0o644)
	write(t, filepath.Join(root, "proc/driver/nvidia/gpus/0000:01:00.0/information"), "Model: \t\t NVIDIA H100\nIRQ: 1\n", 0o644)
	return root
}

func TestDevicesAreReadFromTheKernel(t *testing.T) {
	root := machine(t)
	processor, memory, nvidia := processorCheck(root), memoryCheck(root), nvidiaCheck(root, false)
	require.True(t, processor.OK)
	require.Contains(t, processor.Found, "Fast CPU 9000 (amx_bf16 avx512f avx2)")
	require.True(t, memory.OK)
	// 16,000,000 kB of 1,024 bytes are 16.384 GB.
	require.Equal(t, "16.4 GB, 8.2 GB available, limited to 8.0 GB", memory.Found)
	require.True(t, nvidia.OK)
	require.Equal(t, "1: NVIDIA H100; to train on it: make setup CUDA=1 build, and worker.device: cuda:0", nvidia.Found)
}

func TestMachineThatIsTooSmallIsSaidToBe(t *testing.T) {
	root := machine(t)
	write(t, filepath.Join(root, "sys/fs/cgroup/memory.max"), "4000000000\n", 0o644)
	require.False(t, memoryCheck(root).OK)
	write(t, filepath.Join(root, "sys/fs/cgroup/memory.max"), "max\n", 0o644)
	require.True(t, memoryCheck(root).OK)
	write(t, filepath.Join(root, "proc/cpuinfo"), "model name: Old\nflags: fpu sse2\n", 0o644)
	require.False(t, processorCheck(root).OK)
}

func TestDeviceFilesAreEnoughToSeeAGPU(t *testing.T) {
	root := t.TempDir()
	require.Equal(t, "none", nvidiaCheck(root, false).Found)
	write(t, filepath.Join(root, "dev/nvidia0"), "", 0o644)
	write(t, filepath.Join(root, "dev/nvidiactl"), "", 0o644)
	require.Equal(t, "1: /dev/nvidia0", nvidiaCheck(root, true).Found)
}

func TestCloneSetUpWithCUDAWantsAGPUAndItsDriver(t *testing.T) {
	none := nvidiaCheck(t.TempDir(), true)
	require.False(t, none.OK)
	require.Equal(t, "none: the kernel shows no NVIDIA driver with a GPU", none.Found)
	require.Contains(t, none.Remedy, "make setup CUDA=0 build")

	root := machine(t)
	for version, want := range map[string]struct {
		line string
		ok   bool
	}{
		"580.65.06":  {"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder@U22)", true},
		"550.163.01": {"NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.163.01  Tue Apr  8 12:41:17 UTC 2025", false},
	} {
		write(t, filepath.Join(root, "proc/driver/nvidia/version"), want.line+"\nGCC version:  gcc version 12.2.0\n", 0o644)
		check := nvidiaCheck(root, true)
		require.Equal(t, want.ok, check.OK)
		require.Equal(t, "1: NVIDIA H100, driver "+version, check.Found)
	}
}
