package main

import (
	"elara/worker/serve"
)

// engine is what the build links in: engine_torch.go opens it on the settings' device, engine_none.go has none. Close
// frees the device.
type engine struct {
	*serve.Engine // nil: this build has none
	close         func() error
}
