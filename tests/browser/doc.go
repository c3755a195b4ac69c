// Package browser lends tests and proofs a real Chromium, and axe-core, which looks for barriers in its pages.
//
// It finds a Chromium that the machine has and installs none: a browser belongs to the system. It refuses with the command that
// brings one. axe-core comes from the npm registry into the user's cache, once, and is compared with its SHA-256.
//
//	ctx, stop, err := browser.Start(t.Context())
//	defer stop()
//	err = chromedp.Do(ctx, chromedp.Navigate("http://127.0.0.1:7450/"))
package browser
