package browser

import (
	"context"
	"os"
	"os/exec"

	"github.com/chromedp/chromedp"

	"elara/spec/fault"
)

// names under which systems know a Chromium; the ones without a window come first.
var names = []string{"chromium-headless-shell", "headless_shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// Find gives the path of a Chromium: $ELARA_CHROMIUM, or one on the PATH. It is NotFound where there is none.
func Find() (string, error) {
	if path := os.Getenv("ELARA_CHROMIUM"); path != "" {
		return exec.LookPath(path)
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fault.WithHint(fault.New(fault.NotFound, "no Chromium is installed"),
		"apt-get install chromium-headless-shell fonts-dejavu-core, or name one in ELARA_CHROMIUM")
}

// Start runs a Chromium with one empty tab, for chromedp. stop ends it.
func Start(ctx context.Context) (tab context.Context, stop func(), err error) {
	path, err := Find()
	if err != nil {
		return nil, nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WindowSize(1280, 900))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // root has no sandbox; it visits our own pages alone
	}
	ctx, endProcess := chromedp.NewExecAllocator(ctx, options...)
	tab, endTab := chromedp.NewContext(ctx)
	stop = func() { endTab(); endProcess() }
	if err := chromedp.Do(tab); err != nil {
		stop()
		return nil, nil, fault.New(fault.Transient, "start %s: %w", path, err)
	}
	return tab, stop, nil
}
