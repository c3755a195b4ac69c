package tokenizer

import (
	"hash/maphash"
	"sync"
)

// workspace is what one goroutine encodes with, for as long as one text takes.
type workspace struct {
	cache  wordCache
	merges [longestScanned]merge // for mergeByScanning
}

// idleWorkspaces is how many workspaces wait for the next text at most; each holds about 1.3 MB, the words that it met.
// More goroutines at once than that make new ones, at the price of a cold cache.
const idleWorkspaces = 16

// workspaces are those that no goroutine uses. A sync.Pool would forget them, and with them the words, every second
// garbage collection.
type workspaces struct {
	mutex sync.Mutex
	all   []*workspace
}

// take gives the workspace used last, whose cache is the warmest; a new one when all are in use.
func (w *workspaces) take() *workspace {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	n := len(w.all)
	if n == 0 {
		return &workspace{cache: wordCache{seed: maphash.MakeSeed()}}
	}
	last := w.all[n-1]
	w.all = w.all[:n-1]
	return last
}

// giveBack keeps a workspace for the next text.
func (w *workspaces) giveBack(used *workspace) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if len(w.all) < idleWorkspaces {
		w.all = append(w.all, used)
	}
}
