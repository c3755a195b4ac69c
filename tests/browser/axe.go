package browser

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/chromedp/chromedp"

	"elara/internal/setup"
	"elara/spec"
	"elara/spec/fault"
)

const (
	axeVersion = "4.14.1"
	axeSum     = spec.Digest("29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c") // of axe.min.js
)

// Axe gives the script of axe-core, from the user's cache. Without npm it is NotFound the first time.
func Axe(ctx context.Context) (string, error) {
	cache, err := setup.UserCache()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache.Root, "axe-core-"+axeVersion)
	file := filepath.Join(folder, "package", "axe.min.js")
	if script, err := os.ReadFile(file); err == nil {
		return checked(script, file)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	pack := exec.CommandContext(ctx, "npm", "pack", "--silent", "axe-core@"+axeVersion)
	pack.Dir = folder
	if out, err := pack.CombinedOutput(); err != nil {
		return "", fault.WithHint(fault.New(fault.NotFound, "axe-core: npm pack: %w: %s", err, out), "install npm")
	}
	archive := filepath.Join(folder, "axe-core-"+axeVersion+".tgz")
	if out, err := exec.CommandContext(ctx, "tar", "-xzf", archive, "-C", folder, "package/axe.min.js").CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpack axe-core: %w: %s", err, out)
	}
	script, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	return checked(script, file)
}

func checked(script []byte, file string) (string, error) {
	if found := spec.DigestOf(sha256.Sum256(script)); found != axeSum {
		return "", fault.WithHint(fault.New(fault.Corrupt, "%s: SHA-256 %s, expected %s", file, found, axeSum), "remove it")
	}
	return string(script), nil
}

// Barrier is a rule of WCAG 2 that a page breaks.
type Barrier struct {
	Rule  string   `json:"rule"`
	Help  string   `json:"help"`
	Nodes []string `json:"nodes"`
}

// Barriers looks at the page of a tab with axe-core: all rules of WCAG 2.0 to 2.2, levels A and AA.
func Barriers(ctx context.Context, axe string) ([]Barrier, error) {
	const look = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).then(found =>
		found.violations.map(v => ({rule: v.id, help: v.help, nodes: v.nodes.map(n => n.target.join(" "))})))`
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](axe+";0")); err != nil {
		return nil, err
	}
	return chromedp.Run(ctx, chromedp.Evaluate[[]Barrier](look, chromedp.EvalAwaitPromise))
}
