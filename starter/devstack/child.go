package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"elara/spec/fault"
)

const (
	firstBackoff = 250 * time.Millisecond
	maxBackoff   = 30 * time.Second
	// A child that lived this long was healthy: its next death starts the backoff from the beginning.
	healthyAfter = time.Minute
	// A log grown beyond this is set aside, one generation, when the child starts.
	maxLogBytes = 16 << 20
)

// child keeps one process running until it is told to stop.
type child struct {
	name    string
	command []string
	env     func() []string // whole environment, asked for at every start
	log     string          // path of the file that gets what it prints
	report  func(string)
	changed func() // called after every start and death
	pardons int    // how many deaths the wait for its readiness survives

	mu       sync.Mutex
	process  *os.Process // nil while it is down
	logBegin int64       // where the log of the process, or of the last one, begins
	restarts int
	stopping bool

	stop   chan struct{} // closed when it is to stop
	done   chan struct{} // closed when it will not run again
	failed chan error    // gets the first death beyond the pardons, for whoever waits for the child to become ready
}

func newChild(name string, command []string, env func() []string, log string, report func(string), changed func()) *child {
	return &child{
		name: name, command: command, env: env, log: log, report: report, changed: changed,
		stop: make(chan struct{}), done: make(chan struct{}), failed: make(chan error, 1),
	}
}

// run starts the process again and again. The goroutine keeps its thread, because the system ties the child's death
// signal to the thread that forked it, not to the process.
func (c *child) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(c.done)
	backoff := firstBackoff
	for deaths := 1; ; deaths++ {
		begun := time.Now()
		err := c.runOnce()
		if c.isStopping() {
			return
		}
		if deaths > c.pardons {
			select {
			case c.failed <- err:
			default:
			}
		}
		if time.Since(begun) > healthyAfter {
			backoff = firstBackoff
		}
		c.report(fmt.Sprintf("%s died (%v), starting it again in %v; its log is %s", c.name, err, backoff, c.log))
		select {
		case <-c.stop:
			return
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, maxBackoff)
		c.mu.Lock()
		c.restarts++
		c.mu.Unlock()
	}
}

// runOnce starts the process and waits for its end. The error says how it ended, and is never nil.
func (c *child) runOnce() (err error) {
	env := c.env()
	output, err := openLog(c.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, output.Close()) }()
	begin, err := output.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	command := exec.Command(c.command[0], c.command[1:]...)
	command.Env, command.Stdout, command.Stderr = env, output, output
	command.SysProcAttr = attributes()

	c.mu.Lock()
	if c.stopping {
		c.mu.Unlock()
		return errors.New("told to stop")
	}
	if err := command.Start(); err != nil {
		c.mu.Unlock()
		return err
	}
	c.process, c.logBegin = command.Process, begin
	c.mu.Unlock()
	c.changed()

	err = command.Wait()
	c.mu.Lock()
	c.process = nil
	c.mu.Unlock()
	c.changed()
	if err == nil {
		err = errors.New("exit status 0")
	}
	return err
}

// obituary says how a child ended that was to be waited for, in its own last words where it had any. One that refused
// its input makes the wait Invalid.
func (c *child) obituary(ended error) error {
	c.mu.Lock()
	words := lastWords(c.log, c.logBegin)
	c.mu.Unlock()
	if words != "" {
		ended = fmt.Errorf("%w: %s", ended, words)
	}
	kind := fault.Transient
	var exit *exec.ExitError
	if errors.As(ended, &exit) && exit.ExitCode() == invalidExit {
		kind = fault.Invalid
	}
	return fault.WithHint(fault.New(kind, "it ended at once: %w", ended), "its log is %s", c.log)
}

func (c *child) isStopping() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopping
}

// shut asks the process to end and waits until it has. When ctx ends first, the process is killed; the owner is told
// unless there was no time to begin with.
func (c *child) shut(ctx context.Context) {
	hadTime := ctx.Err() == nil
	c.mu.Lock()
	if !c.stopping {
		c.stopping = true
		close(c.stop)
	}
	c.mu.Unlock()
	c.signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-ctx.Done():
		if hadTime {
			c.report(fmt.Sprintf("%s did not stop in time, killing it", c.name))
		}
		c.signal(syscall.SIGKILL)
		<-c.done
	}
}

// signal reaches the whole process group, so that nothing the child started stays behind.
func (c *child) signal(signal syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process != nil {
		_ = syscall.Kill(-c.process.Pid, signal) // the only failure is that it has just ended, which is what was wanted
	}
}

func (c *child) part() Part {
	c.mu.Lock()
	defer c.mu.Unlock()
	part := Part{Name: c.name, Restarts: c.restarts, Log: c.log}
	if c.process != nil {
		part.PID = c.process.Pid
	}
	return part
}

func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLogBytes {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}
