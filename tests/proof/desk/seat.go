package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"elara/tests/browser"
	"elara/tests/ground"
)

// pictures is where those of the documents lie.
const pictures = "docs/images"

// maxPicture bounds one of them, in bytes.
const maxPicture = 150 << 10

// within bounds each step in the browser: a killed server is back in some seconds.
const within = time.Minute

// seat is a person at a browser.
type seat struct {
	site  *site
	tab   context.Context
	axe   string
	found *outcome
}

// sitDown does what a clinician does, with the keyboard wherever there is a key for it.
func (s *site) sitDown(ctx context.Context, found *outcome) error {
	axe, err := browser.Axe(ctx)
	if err != nil {
		return err
	}
	token, err := s.token(ctx, "Person A", "approver")
	if err != nil {
		return err
	}
	tab, stop, err := browser.Start(ctx)
	if err != nil {
		return err
	}
	defer stop()
	p := &seat{site: s, tab: tab, axe: axe, found: found}
	if err := p.signIn(token); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	if err := p.judgeAll(ctx); err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	if err := p.approve(ctx); err != nil {
		return fmt.Errorf("approve: %w", err)
	}
	return nil
}

// run does steps in the browser, in bounded time.
func (p *seat) run(steps ...chromedp.Action[chromedp.Void]) error {
	_, err := get(p, chromedp.Steps(steps...))
	return err
}

// get does one step that gives something.
func get[T any](p *seat, step chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(p.tab, within)
	defer cancel()
	return chromedp.Run(ctx, step)
}

func (p *seat) goTo(path string) error {
	return p.run(chromedp.Navigate(p.site.desk+path), chromedp.WaitReady("main"))
}

// look lets axe-core look at the page, light and dark, and looks whether it fits a narrow screen.
func (p *seat) look(name string) error {
	for _, scheme := range []string{"dark", "light"} {
		media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
		err := p.run(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, media)
			return err
		}))
		if err != nil {
			return err
		}
		barriers, err := browser.Barriers(p.tab, p.axe)
		if err != nil {
			return fmt.Errorf("axe-core at %s: %w", name, err)
		}
		for _, b := range barriers {
			fmt.Printf("  %s (%s): %s: %s: %s\n", name, scheme, b.Rule, b.Help, strings.Join(b.Nodes, ", "))
		}
		p.found.barriers += len(barriers)
	}
	// Four times as large on a screen of 1280 pixels: nothing may need scrolling sideways (WCAG 1.4.10).
	err := p.run(chromedp.EmulateViewport(320, 900))
	if err != nil {
		return err
	}
	wide, err := get(p, chromedp.Evaluate[int]("document.documentElement.scrollWidth"))
	if err != nil {
		return err
	}
	if wide > 320 {
		fmt.Printf("  %s: %d pixels wide on a screen of 320\n", name, wide)
		p.found.barriers++
	}
	p.found.pages++
	return p.run(chromedp.EmulateViewport(1280, 900))
}

// picture keeps the page for the documents.
func (p *seat) picture(name string) error {
	png, err := get(p, chromedp.CaptureScreenshot())
	if err != nil {
		return err
	}
	if len(png) > maxPicture {
		return fmt.Errorf("the picture %s has %d bytes, expected at most %d", name, len(png), maxPicture)
	}
	return os.WriteFile(filepath.Join(pictures, name+".png"), png, 0o644)
}

// text gives what an element says.
func (p *seat) text(selector string) (string, error) {
	text, err := get(p, chromedp.Evaluate[string](fmt.Sprintf(`(document.querySelector(%q) || {}).textContent || ""`, selector)))
	return strings.TrimSpace(text), err
}

// says waits until an element says something that contains the words.
func (p *seat) says(ctx context.Context, selector, words string) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return ground.Await(ctx, poll, fmt.Sprintf("%q in %s", words, selector), func() error {
		text, err := p.text(selector)
		if err == nil && !strings.Contains(text, words) {
			trouble, _ := p.text("#trouble")
			err = fmt.Errorf("it says %q, and the trouble is %q", text, trouble)
		}
		return err
	})
}

func (p *seat) signIn(token string) error {
	if err := p.goTo("/collections"); err != nil {
		return err
	}
	if err := errors.Join(p.look("sign in"), p.picture("desk-sign-in")); err != nil {
		return err
	}
	return p.run(chromedp.SendKeys("#token", token+kb.Enter), chromedp.WaitVisible("progress"))
}

// judgeAll judges every pair of the collection.
func (p *seat) judgeAll(ctx context.Context) error {
	if err := errors.Join(p.look("collections"), p.picture("desk-collections")); err != nil {
		return err
	}
	if err := p.goTo("/collections/" + clicked + "/compare"); err != nil {
		return err
	}
	for i := range clicks {
		// The switch of the keys is there when the script of the page has run.
		if err := p.run(chromedp.WaitVisible("#keys")); err != nil {
			return err
		}
		number, err := p.text("main > p:not([id])")
		if err != nil {
			return err
		}
		switch i {
		case 0:
			err = p.first(ctx)
		case 1:
			err = p.twice(ctx)
		case 2:
			err = p.without(ctx, "temporal", "has not answered")
		case 3:
			err = p.without(ctx, "desk", "does not answer")
		default:
			err = p.keys(ctx, []string{"a", "b", "t", "n"}[i%4])
		}
		if err != nil {
			return fmt.Errorf("%s: %w", number, err)
		}
		p.found.told++
	}
	if err := errors.Join(p.says(ctx, "main", "There is nothing left for you to judge"), p.look("all judged")); err != nil {
		return err
	}
	status, err := p.site.status(ctx, clicked)
	if err != nil {
		return err
	}
	p.found.kept += int(min(status.Judged, clicks))
	p.found.extra += int(status.Judged) - clicks
	fmt.Printf("  %d judgements in the browser, the collection counts %d\n", clicks, status.Judged)
	if err := p.goTo("/collections/" + clicked); err != nil {
		return err
	}
	return errors.Join(p.look("collection"), p.picture("desk-collection"))
}

// keys judges with a key and Enter.
func (p *seat) keys(ctx context.Context, key string) error {
	before, err := p.location()
	if err != nil {
		return err
	}
	if err := p.run(chromedp.KeyEvent(key), chromedp.KeyEvent(kb.Enter)); err != nil {
		return err
	}
	return p.kept(ctx, before)
}

func (p *seat) location() (string, error) { return get(p, chromedp.Location()) }

// kept waits for the page that says that a judgement is kept.
func (p *seat) kept(ctx context.Context, before string) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := ground.Await(ctx, poll, "the next page", func() error {
		now, err := p.location()
		if err == nil && now == before {
			trouble, _ := p.text("#trouble")
			err = fmt.Errorf("the page is the same: %q", trouble)
		}
		return err
	})
	return errors.Join(err, p.says(ctx, "#told", "is kept."))
}

// first looks at the page, and judges with a reason.
func (p *seat) first(ctx context.Context) error {
	if err := errors.Join(p.look("compare"), p.picture("desk-compare")); err != nil {
		return err
	}
	before, err := p.location()
	if err != nil {
		return err
	}
	// Letters that are typed into a reason choose nothing.
	err = p.run(chromedp.KeyEvent("t"), chromedp.SendKeys("#reason", "both name the red flags"), chromedp.Click(`form.keep button`))
	return errors.Join(err, p.kept(ctx, before))
}

// twice clicks twice, as fast as a browser can.
func (p *seat) twice(ctx context.Context) error {
	before, err := p.location()
	if err != nil {
		return err
	}
	return errors.Join(p.run(chromedp.KeyEvent("a"), chromedp.DoubleClick(`form.keep button`)), p.kept(ctx, before))
}

// without judges while a part is down: the page says so, what was typed stays, and sent again it is kept.
func (p *seat) without(ctx context.Context, part, words string) error {
	before, err := p.location()
	if err != nil {
		return err
	}
	const reason = "typed before the server was gone"
	if err := p.run(chromedp.KeyEvent("b"), chromedp.SendKeys("#reason", reason)); err != nil {
		return err
	}
	if _, err := p.site.Kill(part); err != nil {
		return err
	}
	if err := p.run(chromedp.Click(`form.keep button`)); err != nil {
		return err
	}
	fmt.Printf("  the %s is killed under a click\n", part)
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err = ground.Await(ctx, poll, "an answer", func() error {
		now, err := p.location()
		if err != nil || now != before { // the server was back before the click gave up
			return err
		}
		trouble, err := p.text("#trouble")
		if err == nil && !strings.Contains(trouble, words) {
			err = fmt.Errorf("the trouble is %q", trouble)
		}
		return err
	})
	if err != nil {
		return err
	}
	if now, err := p.location(); err != nil || now != before {
		return errors.Join(err, p.kept(ctx, before))
	}
	typed, err := get(p, chromedp.Value("#reason"))
	if err != nil {
		return err
	}
	if typed != reason {
		return fmt.Errorf("the reason is %q, expected %q", typed, reason)
	}
	if err := errors.Join(p.look("no answer"), p.picture("desk-no-answer")); err != nil {
		return err
	}
	// A person sends it again until it is taken.
	return ground.Await(ctx, time.Second, "the judgement to be taken", func() error {
		now, err := p.location()
		if err != nil || now != before {
			return err
		}
		if err := p.run(chromedp.Click(`form.keep button`)); err != nil {
			return err
		}
		return errors.New("sent again")
	})
}

// approve decides on the candidate, and looks at what was released.
func (p *seat) approve(ctx context.Context) error {
	if err := p.goTo("/approvals"); err != nil {
		return err
	}
	if err := p.look("approvals"); err != nil {
		return err
	}
	if err := p.run(chromedp.Click(".cards a.button"), chromedp.WaitVisible("form.keep")); err != nil {
		return err
	}
	if err := errors.Join(p.look("candidate"), p.picture("desk-approval")); err != nil {
		return err
	}
	err := p.run(
		chromedp.Focus("input[value=approved]"), chromedp.KeyEvent(" "),
		chromedp.SendKeys("#reason", "answers checked"), chromedp.Click("form.keep button"),
	)
	if err := errors.Join(err, p.says(ctx, "#told", "Your decision is recorded: approved.")); err != nil {
		return err
	}
	served := func() error {
		text, err := p.site.Elara(ctx, "release", "show", approval)
		if err == nil && !strings.Contains(text, "Person A") {
			err = fmt.Errorf("nobody released it: %s", text)
		}
		return err
	}
	if err := ground.Await(ctx, time.Second, "the release", served); err != nil {
		return err
	}
	fmt.Println("  the candidate is approved at the desk, and released")
	return errors.Join(p.goTo("/releases"), p.look("releases"), p.picture("desk-releases"))
}
