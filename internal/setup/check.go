package setup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"elara/spec/fault"
)

// Check is one thing that was looked at: for the output of set-up and of `elara doctor`.
type Check struct {
	Name     string `json:"name"`
	OK       bool   `json:"ok"`
	Found    string `json:"found"`
	Expected string `json:"expected,omitempty"` // "" where anything is right and the check only informs
	Remedy   string `json:"remedy,omitempty"`   // what to do when OK is false
}

// runSetup is what brings anything that set-up brings.
const runSetup = "run make setup"

// neededDiskBytes is what all unpacked parts take, and the largest wheel beside them.
const neededDiskBytes = 2 << 30

// Checks looks at everything that set-up needs and brings, and at the devices of this machine. It changes
// nothing and reaches no network. buildDir is the clone's build folder, or "" outside of a clone.
func Checks(ctx context.Context, buildDir string) []Check {
	checks := []Check{platformCheck()}
	for _, t := range tools() {
		checks = append(checks, t.check(ctx))
	}
	cache, err := UserCache()
	if err != nil {
		checks = append(checks, Check{Name: "cache", Found: err.Error(), Expected: "a folder that can be written"})
	} else {
		checks = append(checks, cache.diskCheck(), cache.libtorchCheck(buildDir), cache.toolchainCheck(),
			temporalCheck(ctx), smolLM2Check())
	}
	return append(checks, devices("/", hasCUDA(buildDir))...)
}

func platformCheck() Check {
	const expected = "linux/amd64"
	platform := runtime.GOOS + "/" + runtime.GOARCH
	return Check{Name: "platform", OK: platform == expected, Found: platform, Expected: expected,
		Remedy: "libtorch and Temporal are pinned for " + expected + " only"}
}

// freeBytes is what the file system of the cache can take: that of the nearest folder that exists already.
func (c Cache) freeBytes() (int64, error) {
	dir := c.Root
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	return int64(fs.Bavail) * fs.Bsize, nil
}

func (c Cache) diskCheck() Check {
	check := Check{Name: "cache", Expected: "2 GB free, or all parts in place", Remedy: "free some space, or set XDG_CACHE_HOME"}
	free, err := c.freeBytes()
	if err != nil {
		check.Found = err.Error()
		return check
	}
	check.Found = fmt.Sprintf("%s, %.1f GB free", c.Root, float64(free)/1e9)
	check.OK = free >= neededDiskBytes || c.complete()
	return check
}

func (c Cache) complete() bool {
	for _, p := range Parts() {
		if !c.present(p) {
			return false
		}
	}
	return true
}

func (c Cache) libtorchCheck(buildDir string) Check {
	check := Check{Name: "libtorch", Expected: libtorchMinor, Remedy: runSetup}
	chosen, cuda, err := lookedAt(buildDir).chosen()
	if err != nil {
		check.Found = err.Error()
		return check
	}
	if chosen != "" {
		own, err := ownLibtorch(chosen)
		if err != nil {
			check.Found, check.Remedy = err.Error(), "name another folder in LIBTORCH, or leave it empty and "+runSetup
			return check
		}
		check.OK, check.Found = true, fmt.Sprintf("%s, CUDA %t, yours: %s", own.version, own.cuda, own.dir)
		return check
	}
	for _, p := range libtorchParts(cuda) {
		if !c.present(p) {
			check.Found = "no " + p.Name + " " + p.Version
			return check
		}
	}
	if cuda && !c.gathered(cudaParts()).present() {
		check.Found = "no folder of CUDA's libraries"
		return check
	}
	check.OK, check.Found = true, fmt.Sprintf("%s, CUDA %t", torch().Version, cuda)
	return check
}

// lookedAt are the options that the next set-up in a clone would have, if no one said more than the environment does.
func lookedAt(buildDir string) Options {
	o := Options{BuildDir: buildDir}
	if named := os.Getenv("LIBTORCH"); named != "" {
		o.Libtorch = &named
	}
	return o
}

// hasCUDA reports whether the clone is set up to compute on a GPU.
func hasCUDA(buildDir string) bool {
	own, cuda, err := lookedAt(buildDir).chosen()
	if err != nil || own == "" {
		return cuda
	}
	named, err := ownLibtorch(own)
	return err == nil && named.cuda
}

func (c Cache) toolchainCheck() Check {
	check := Check{Name: "toolchain", OK: c.toolchain().present(), Found: "in place",
		Expected: "header and empty libraries for gotch", Remedy: runSetup}
	if !check.OK {
		check.Found = "nothing"
	}
	return check
}

func temporalCheck(ctx context.Context) Check {
	return located("temporal", temporalMinimum+" or newer")(Temporal(ctx))
}

func smolLM2Check() Check {
	return located("smollm2", smolLM2().Version)(SmolLM2())
}

func located(name, expected string) func(path string, err error) Check {
	return func(path string, err error) Check {
		if err != nil {
			found := "nothing"
			if !fault.Is(err, fault.NotFound) {
				found = err.Error()
			}
			return Check{Name: name, Found: found, Expected: expected, Remedy: runSetup}
		}
		return Check{Name: name, OK: true, Found: path, Expected: expected, Remedy: runSetup}
	}
}
