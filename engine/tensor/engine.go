//go:build torch

package tensor

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/sugarme/gotch/libtch"
)

// Engine owns the operating system thread that all tensors of a process live on, and the device that they lie on.
type Engine struct {
	options Options
	gpu     int // number of the device; -1: the CPU

	calls chan call
	live  []*Tensor        // made and not yet freed, in the order they were made, without the pinned ones
	dead  []libtch.Ctensor // kept between scopes to save allocations
	count int              // handles that exist, pinned ones among them
	grad  bool
}

type call struct {
	f    func() error
	done chan error
}

// Start takes a thread and a device. A device that this program or this machine does not have is an Invalid error, which says
// what was expected.
func Start(o Options) (*Engine, error) {
	if o.Device == "" {
		o.Device = CPU
	}
	gpu, err := gpuOf(o.Device)
	if err != nil {
		return nil, err
	}
	e := &Engine{options: o, gpu: gpu, calls: make(chan call), grad: true}
	ready := make(chan error, 1)
	go e.serve(ready)
	if err := <-ready; err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// Close ends the engine's goroutine. Tensors that still exist are leaked.
func (e *Engine) Close() { close(e.calls) }

// serve answers calls on a thread of its own. It tells ready whether the device takes the thread.
func (e *Engine) serve(ready chan<- error) {
	runtime.LockOSThread()
	refusal := start(e.options, e.gpu)
	ready <- refusal
	for c := range e.calls {
		if refusal != nil {
			c.done <- refusal
			continue
		}
		e.answer(c)
	}
}

// answer runs one call. A call that ends its goroutine (testing's FailNow does) must not take the engine along: its caller
// gets an error, and a new goroutine serves on.
func (e *Engine) answer(c call) {
	err := errors.New("the goroutine of the training engine was ended from inside")
	returned := false
	defer func() {
		if !returned {
			go e.serve(make(chan error, 1))
		}
		c.done <- err
	}()
	err = e.guarded(c.f)
	returned = true
}

// Do runs f on the engine's thread and waits for it. It is the border at which panics of tensor operations, and any other
// panic inside f, become errors. Do must not be called from inside f.
func (e *Engine) Do(f func() error) error {
	c := call{f: f, done: make(chan error, 1)}
	e.calls <- c
	return <-c.done
}

func (e *Engine) guarded(f func() error) (err error) {
	mark, grad := len(e.live), e.grad
	defer func() {
		if r := recover(); r != nil {
			e.freeFrom(mark)
			e.setGrad(grad)
			if failed, ok := r.(*Error); ok {
				err = failed.fault()
				return
			}
			err = fmt.Errorf("panic in the training engine: %v\n%s", r, debug.Stack())
		}
	}()
	return f()
}

// Scope runs f and frees every tensor made inside that was not kept or pinned, also when f panics.
func (e *Engine) Scope(f func()) {
	mark := len(e.live)
	defer func() { e.freeFrom(mark) }()
	f()
}

// freeFrom frees live[mark:] but for kept tensors, which pass to the enclosing scope. All go in one call into C.
func (e *Engine) freeFrom(mark int) {
	dead := e.dead[:0]
	kept := e.live[:mark]
	for _, t := range e.live[mark:] {
		if t.kept {
			t.kept = false
			kept = append(kept, t)
			continue
		}
		dead = append(dead, t.c)
		t.c = nil
	}
	clear(e.live[len(kept):])
	e.live, e.dead = kept, dead
	e.free(dead)
}

func (e *Engine) free(dead []libtch.Ctensor) {
	e.count -= len(dead)
	freeAll(dead)
}

// Live is how many tensor handles exist. A training step leaves it where it found it.
func (e *Engine) Live() int { return e.count }

// NoGrad runs f without recording for the backward pass.
func (e *Engine) NoGrad(f func()) {
	before := e.grad
	defer e.setGrad(before)
	e.setGrad(false)
	f()
}

func (e *Engine) setGrad(on bool) {
	e.grad = on
	flag := 0
	if on {
		flag = 1
	}
	libtch.AtGradSetEnabled(flag)
}
