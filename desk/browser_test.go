package desk

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"elara/desk/access"
	"elara/spec"
	"elara/tests/browser"
)

// open gives a real browser in which Person A looks at a pair.
func (s *scene) open(t *testing.T) context.Context {
	t.Helper()
	if _, err := browser.Find(); err != nil {
		t.Skipf("needs a Chromium: %v", err)
	}
	tab, stop, err := browser.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(stop)
	tab, cancel := context.WithTimeout(tab, time.Minute)
	t.Cleanup(cancel)
	token, err := s.desk.book.Add(t.Context(), "Person A", access.Judge)
	require.NoError(t, err)
	require.NoError(t, chromedp.Do(tab,
		chromedp.Navigate(s.http.URL+"/collections/cough/compare"), chromedp.WaitVisible("#token"),
		chromedp.SendKeys("#token", token+kb.Enter), chromedp.WaitVisible("#keys"),
	))
	return tab
}

// says waits until an element says something that contains the words; the page may be changing meanwhile.
func says(tab context.Context, t *testing.T, selector, words string) {
	t.Helper()
	require.Eventually(t, func() bool {
		found, err := chromedp.Run(tab, chromedp.Evaluate[string](fmt.Sprintf("document.querySelector(%q).textContent", selector)))
		return err == nil && strings.Contains(found, words)
	}, 30*time.Second, 20*time.Millisecond, "%s in %s", words, selector)
}

const keptWords = "Your judgement of pair 1 is kept."

func (s *scene) updates() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.told)
}

func TestKeysChooseAndEnterKeeps(t *testing.T) {
	s := newScene(t, nil)
	tab := s.open(t)
	// Letters that are typed choose nothing; a key changes what another has chosen.
	require.NoError(t, chromedp.Do(tab,
		chromedp.SendKeys("#reason", "at night"), chromedp.Blur("#reason"), chromedp.KeyEvent("t"), chromedp.KeyEvent("n"), chromedp.KeyEvent(kb.Enter),
	))
	says(tab, t, "#told", keptWords)
	require.Len(t, s.told, 1)
	require.Equal(t, spec.ChoiceBothBad, s.told[0].(spec.Judgement).Choice)

	require.NoError(t, chromedp.Do(tab, chromedp.WaitVisible("#keys"), chromedp.Click("#keys"), chromedp.Blur("#keys"), chromedp.KeyEvent("a"), chromedp.KeyEvent(kb.Enter)))
	chosen, err := chromedp.Run(tab, chromedp.Evaluate[bool]("!!document.querySelector('input[name=choice]:checked')"))
	require.NoError(t, err)
	require.False(t, chosen, "keys can be switched off")
	require.Len(t, s.told, 1)
}

func TestTwoClicksAreOneJudgement(t *testing.T) {
	s := newScene(t, nil)
	release := make(chan struct{})
	s.update = func(argument any) (any, error) {
		<-release
		return spec.RecordedJudgement{Number: 1, JudgedAt: aMoment}, nil
	}
	tab := s.open(t)
	require.NoError(t, chromedp.Do(tab, chromedp.KeyEvent("a"), chromedp.DoubleClick("form.keep button"), chromedp.Click("form.keep button")))
	close(release)
	says(tab, t, "#told", keptWords)
	require.Equal(t, 1, s.updates())
}

func TestWordsSurviveAServerThatDoesNotAnswer(t *testing.T) {
	s := newScene(t, nil)
	taken := s.update
	s.update = func(any) (any, error) { return nil, serviceerror.NewUnavailable("no") }
	tab := s.open(t)
	require.NoError(t, chromedp.Do(tab, chromedp.KeyEvent("b"), chromedp.SendKeys("#reason", "my words"), chromedp.Click("form.keep button")))
	says(tab, t, "#trouble", "The server has not answered.")
	typed, err := chromedp.Run(tab, chromedp.Value("#reason"))
	require.NoError(t, err)
	require.Equal(t, "my words", typed)

	// Even when the page is loaded anew.
	require.NoError(t, chromedp.Do(tab, chromedp.Navigate(s.http.URL+"/collections/cough/compare"), chromedp.WaitVisible("#keys")))
	typed, err = chromedp.Run(tab, chromedp.Value("#reason"))
	require.NoError(t, err)
	require.Equal(t, "my words", typed)

	s.mu.Lock()
	s.update = taken
	s.mu.Unlock()
	require.NoError(t, chromedp.Do(tab, chromedp.KeyEvent("b"), chromedp.Click("form.keep button")))
	says(tab, t, "#told", keptWords)
	require.Equal(t, 2, s.updates())
}
