package serve

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"golang.org/x/sync/errgroup"

	"elara/activities"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
	"elara/telemetry"
	"elara/workflows"
)

const (
	// heartbeatThrottle is the least time between two heartbeats that are sent. It is how long the SDK tries to
	// deliver one, how old the progress on a screen may be, and less than the first retry interval of package workflows.
	heartbeatThrottle = 4 * time.Second

	// stopTimeout is what a training is given to reach its next step, save and upload before the process ends.
	stopTimeout = 5 * time.Minute

	// controlActivities bounds how many data sets and models one process moves at once.
	controlActivities = 8
)

// Options says what is served, for whom and with what.
type Options struct {
	Client       client.Client
	Store        storage.Store
	CacheDir     string // local copies of artifacts and files in the making
	ControlQueue string // empty: workflows.ControlQueue
	TrainQueue   string // stem of the device queues; empty: workflows.TrainQueue
	Engine       *Engine
	Hub          activities.Hub         // nil: base models cannot be given by name
	Buckets      activities.Buckets     // nil: exports go to folders only
	Curves       activities.Curves      // nil: no curves are kept
	Notifier     activities.Notifier    // tells people what asks for one; nil: the log is told
	Instruments  *telemetry.Instruments // nil: nothing is measured
	Logger       *slog.Logger
}

// Engine is what a worker trains and evaluates with.
type Engine struct {
	Device     string // class of device: "cpu", "cuda", ...
	Trainer    activities.Trainer
	Pretrainer activities.Pretrainer
	Merger     activities.Merger
	Distiller  activities.Distiller
	Evaluator  activities.Evaluator
	Feedback   activities.FeedbackTrainer
	Sampler    activities.Sampler
	Code       string // version of the program, noted with what it trains
	Machine    string // kind of this machine, likewise
	// AtOnce is how many trainings and evaluations share the device. They take turns step by step over one base model.
	AtOnce int
}

// Run serves until ctx ends, or a queue cannot be served any more.
func Run(ctx context.Context, o Options) (err error) {
	scratch, err := openScratch(filepath.Join(o.CacheDir, "scratch"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, scratch.remove()) }()
	fatal := make(chan error, 2) // one from each worker at most
	workers := []sdkworker.Worker{o.control(scratch.folder, fatal)}
	if o.Engine != nil {
		workers = append(workers, o.device(scratch.folder, fatal))
	} else {
		o.Logger.Warn("built without an engine: trainings and evaluations are left to other workers")
	}

	var started []sdkworker.Worker
	for _, worker := range workers {
		if err := worker.Start(); err != nil {
			stop(started)
			return fault.New(fault.Transient, "start to poll: %w", err)
		}
		started = append(started, worker)
	}
	select {
	case <-ctx.Done():
		o.Logger.Info("stopping: work under way is saved first", "within", stopTimeout.String())
	case err = <-fatal:
		err = fault.New(fault.Transient, "poll: %w", err)
	}
	stop(started)
	return err
}

// stop ends all workers at once: each may take up to its stop timeout.
func stop(workers []sdkworker.Worker) {
	var group errgroup.Group
	for _, worker := range workers {
		group.Go(func() error { worker.Stop(); return nil })
	}
	_ = group.Wait() // its functions give no error
}

// control serves the workflows and the activities that need no model.
func (o Options) control(scratch string, fatal chan<- error) sdkworker.Worker {
	queue := o.ControlQueue
	if queue == "" {
		queue = workflows.ControlQueue
	}
	worker := sdkworker.New(o.Client, queue, sdkworker.Options{
		MaxConcurrentActivityExecutionSize: controlActivities,
		MaxHeartbeatThrottleInterval:       heartbeatThrottle,
		WorkerStopTimeout:                  stopTimeout,
		OnFatalError:                       func(err error) { fatal <- err },
	})
	workflows.Register(worker)
	worker.RegisterActivity(&activities.Control{
		Store: o.Store, Cache: o.cache(), Scratch: scratch, Hub: o.Hub, Buckets: o.Buckets, Instruments: o.Instruments, Notifier: o.Notifier,
	})
	o.Logger.Info("serving", "queue", queue)
	return worker
}

// device serves what holds the device: so many activities as share it, and none of the lighter ones, which would only wait
// behind a step.
func (o Options) device(scratch string, fatal chan<- error) sdkworker.Worker {
	queue := workflows.DeviceQueue(o.TrainQueue, o.Engine.Device)
	worker := sdkworker.New(o.Client, queue, sdkworker.Options{
		MaxConcurrentActivityExecutionSize: max(1, o.Engine.AtOnce),
		MaxConcurrentActivityTaskPollers:   1,
		DisableWorkflowWorker:              true,
		DisableEagerActivities:             true,
		MaxHeartbeatThrottleInterval:       heartbeatThrottle,
		WorkerStopTimeout:                  stopTimeout,
		OnFatalError:                       func(err error) { fatal <- err },
	})
	worker.RegisterActivity(&activities.Device{
		Store: o.Store, Cache: o.cache(), Scratch: scratch, Instruments: o.Instruments,
		Trainer: o.Engine.Trainer, Pretrainer: o.Engine.Pretrainer, Merger: o.Engine.Merger, Distiller: o.Engine.Distiller, Evaluator: o.Engine.Evaluator,
		Feedback: o.Engine.Feedback, Sampler: o.Engine.Sampler,
		Curves: o.Curves, Code: o.Engine.Code, Machine: o.Engine.Machine,
	})
	o.Logger.Info("serving", "queue", queue)
	return worker
}

func (o Options) cache() *artifact.Cache {
	return artifact.NewCache(filepath.Join(o.CacheDir, "artifacts"))
}
