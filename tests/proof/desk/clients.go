package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"elara/spec"
	"elara/tests/ground"
)

const (
	reviewers   = 10
	perReviewer = 100
	judgements  = reviewers * perReviewer

	// answerWithin is how long a request may take before it is made again.
	answerWithin = 20 * time.Second
)

func reviewerName(r int) string { return fmt.Sprintf("reviewer %d", r) }

// judgeAtOnce lets the reviewers judge over HTTP, under kills.
func (s *site) judgeAtOnce(ctx context.Context, found *outcome) error {
	began := time.Now()
	judging, done := context.WithCancel(ctx)
	defer done()
	failures := make([]error, reviewers)
	var clients sync.WaitGroup
	for r := range reviewers {
		token, err := s.token(ctx, reviewerName(r), "judge")
		if err != nil {
			return err
		}
		clients.Go(func() {
			s.told[r] = map[string]spec.Choice{}
			if failures[r] = s.review(judging, token, s.told[r]); failures[r] != nil {
				done() // the others need not go on
			}
		})
	}
	killErr := s.killAll(judging)
	if killErr != nil {
		done()
	}
	clients.Wait()
	fmt.Printf("  %6.1f s  %d judgements over HTTP by %d reviewers at once, each sent twice\n", time.Since(began).Seconds(), s.answered.Load(), reviewers)
	return errors.Join(append(failures, killErr)...)
}

// killAll kills each part when so many judgements are answered; the stack starts it again.
func (s *site) killAll(ctx context.Context) error {
	for _, k := range []struct {
		part string
		at   int64
	}{{"worker", 200}, {"temporal", 400}, {"desk", 600}, {"worker", 750}, {"desk", 850}} {
		err := ground.Await(ctx, poll, fmt.Sprintf("%d judgements", k.at), func() error {
			if s.answered.Load() < k.at {
				return errors.New("not yet")
			}
			return nil
		})
		if err != nil {
			return err
		}
		if _, err := s.Kill(k.part); err != nil {
			return err
		}
		fmt.Printf("  the %s is killed after %d judgements\n", k.part, s.answered.Load())
	}
	return nil
}

// Hidden fields of the page with a pair.
var (
	pairField   = regexp.MustCompile(`name="pair" value="([0-9a-f]{64})"`)
	numberField = regexp.MustCompile(`name="number" value="([0-9]+)"`)
)

const nothingLeft = "There is nothing left for you to judge"

// review signs in and judges what a reviewer is shown until nothing is left. Each judgement is sent twice, as by a double click
// in a browser without scripts; a request without an answer is made again.
func (s *site) review(ctx context.Context, token string, told map[string]spec.Choice) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	browser := &http.Client{Jar: jar, Timeout: answerWithin}
	if _, _, err := s.insist(ctx, browser, "/sign-in", url.Values{"token": {token}, "next": {"/releases"}}); err != nil {
		return err
	}
	choices := spec.Choices()
	for {
		_, page, err := s.insist(ctx, browser, "/collections/"+atOnce+"/compare", nil)
		if err != nil {
			return err
		}
		if strings.Contains(page, nothingLeft) {
			return nil
		}
		pair, number := pairField.FindStringSubmatch(page), numberField.FindStringSubmatch(page)
		if pair == nil || number == nil {
			return fmt.Errorf("a page without a pair: %.200s", page)
		}
		choice := choices[len(told)%len(choices)]
		form := url.Values{"pair": {pair[1]}, "number": {number[1]}, "choice": {string(choice)}}
		for range 2 {
			status, page, err := s.insist(ctx, browser, "/collections/"+atOnce+"/judge", form)
			if err != nil {
				return err
			}
			if status != http.StatusOK || !strings.Contains(page, "of pair "+number[1]) {
				return fmt.Errorf("the judgement of pair %s was answered %d", number[1], status)
			}
		}
		told[pair[1]] = choice
		s.answered.Add(1)
	}
}

// insist makes a request until it is answered, and follows where the answer leads; a refusal is an answer.
func (s *site) insist(ctx context.Context, browser *http.Client, path string, form url.Values) (status int, page string, err error) {
	err = ground.Await(ctx, 500*time.Millisecond, "an answer", func() error {
		status, page, err = send(ctx, browser, s.desk+path, form)
		if err == nil && (status == http.StatusTooManyRequests || status >= http.StatusInternalServerError) {
			return fmt.Errorf("%s answers %d", path, status)
		}
		return err
	})
	return status, page, err
}

func send(ctx context.Context, browser *http.Client, address string, form url.Values) (int, string, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := browser.Do(request)
	if err != nil {
		return 0, "", err
	}
	page, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(page), errors.Join(err, answer.Body.Close())
}
