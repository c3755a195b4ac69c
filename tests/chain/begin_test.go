package chain

import (
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An engine that a test closes takes its thread along, on which anything of the test may have run before. Go never ends the
// first thread of a process: several are asked for, so that another one is among theirs.
func TestChildOutlivesTheThreadThatAskedForIt(t *testing.T) {
	children := make([]*process, 4)
	var asked, all sync.WaitGroup
	all.Add(len(children))
	for i := range children {
		asked.Go(func() {
			runtime.LockOSThread() // and ends so: the thread ends with it
			children[i] = begin(t, exec.Command("sleep", "60"))
			all.Done()
			all.Wait() // each has a thread of its own
		})
	}
	asked.Wait()
	<-time.After(200 * time.Millisecond) // the system needs a moment
	for _, child := range children {
		require.False(t, child.hasEnded(), "it ended with the thread")
	}
}
