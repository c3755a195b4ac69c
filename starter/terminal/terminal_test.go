package terminal

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

func TestTableLinesUpWordsLeftAndNumbersRight(t *testing.T) {
	table := Table{
		Header: []string{"adapter", "rows", "note"},
		Rows:   [][]string{{"général", "7", "first"}, {"emergency", "1,204", ""}},
		Right:  []int{1},
	}
	require.Equal(t, ""+
		"adapter     rows  note\n"+
		"─────────  ─────  ─────\n"+
		"général        7  first\n"+
		"emergency  1,204\n", table.String())
}

func TestBarShowsHalfACharacter(t *testing.T) {
	for _, c := range []struct {
		done, total int64
		want        string
	}{
		{0, 10, "──────────"},
		{1, 20, "╸─────────"},
		{5, 10, "━━━━━─────"},
		{11, 20, "━━━━━╸────"},
		{10, 10, "━━━━━━━━━━"},
		{12, 10, "━━━━━━━━━━"}, // a stage that grew past its plan
		{3, 0, "──────────"},   // total not known yet
		{-1, 5, "──────────"},
	} {
		got := Bar(c.done, c.total, 10)
		require.Equal(t, c.want, got, "%d of %d", c.done, c.total)
		require.Equal(t, 10, utf8.RuneCountInString(got))
	}
}

func TestSparkDrawsTheCourseOfNumbers(t *testing.T) {
	for name, c := range map[string]struct {
		numbers []float64
		width   int
		want    string
	}{
		"every level":             {[]float64{0, 1, 2, 3, 4, 5, 6, 7}, 10, "▁▂▃▄▅▆▇█"},
		"down":                    {[]float64{3, 2, 1}, 10, "█▅▁"}, // 2 is 3.5 levels up: the higher of two
		"all the same":            {[]float64{5, 5, 5}, 10, "▁▁▁"},
		"means of pairs":          {[]float64{0, 2, 3, 5, 6, 8}, 3, "▁▅█"}, // 1, 4, 7
		"parts of unequal length": {[]float64{0, 6, 6, 7, 7}, 2, "▁█"},     // 0 and 6; 6, 7 and 7
		"one number":              {[]float64{1}, 10, ""},
		"no room":                 {[]float64{1, 2}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, Spark(c.numbers, c.width)) })
	}
}

func TestLocaleSaysWhetherSignsBeyondASCIIAreShown(t *testing.T) {
	for _, c := range []struct {
		all, ctype, lang string
		want             bool
	}{
		{"", "", "", true}, {"", "", "en_GB.UTF-8", true}, {"", "", "en_GB.utf8", true}, {"", "", "C", false},
		{"C", "en_GB.UTF-8", "en_GB.UTF-8", false}, {"", "en_GB.UTF-8", "C", true},
	} {
		environment := map[string]string{"LC_ALL": c.all, "LC_CTYPE": c.ctype, "LANG": c.lang}
		require.Equal(t, c.want, UTF8(func(name string) string { return environment[name] }), "%+v", c)
	}
}

func TestASCIIKeepsTheWidth(t *testing.T) {
	require.Equal(t, "+ x * o - ~ ##>- _.:-=+*#", ASCII("✓ ✗ ● ○ · … ━━╸─ ▁▂▃▄▅▆▇█"))
}

func TestNumbersReadWell(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 1499 * time.Millisecond: "1s", 1500 * time.Millisecond: "2s", 59600 * time.Millisecond: "1m 00s",
		125 * time.Second: "2m 05s", 3*time.Hour + 12*time.Minute + 59*time.Second: "3h 12m", 50 * time.Hour: "50h 00m",
	} {
		require.Equal(t, want, Duration(d))
	}
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 12345678: "12,345,678", -1234: "-1,234"} {
		require.Equal(t, want, Count(n))
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 92871040: "92.9 MB", 999_960: "1.0 MB", 5e18: "5.0 EB"} {
		require.Equal(t, want, Bytes(n))
	}
}

func TestFrameIsRedrawnInPlaceAndNeverWraps(t *testing.T) {
	var out bytes.Buffer
	width := 8
	frame := NewFrame(&out, func() int { return width })

	require.NoError(t, frame.Draw([]string{"one", "a longer line"}))
	require.Equal(t, "one\na longe…\n", out.String())

	out.Reset()
	width = 20
	require.NoError(t, frame.Draw([]string{"only"}))
	require.Equal(t, "\r\x1b[2A\x1b[Jonly\n", out.String())

	out.Reset()
	require.NoError(t, frame.Draw(nil))
	require.NoError(t, frame.Draw([]string{"again"}))
	require.Equal(t, "\r\x1b[1A\x1b[Jagain\n", out.String(), "after nothing there is nothing to go back over")
}

func TestWrapBreaksAtSpacesOnly(t *testing.T) {
	require.Equal(t, "  call a\n  doctor at\n  once", Wrap("call a\n doctor   at once", "  ", 11))
	require.Equal(t, "  hypercholesterolaemia\n  is", Wrap("hypercholesterolaemia is", "  ", 10), "a long word stays whole")
	require.Empty(t, Wrap(" \n", "  ", 10))
	require.Equal(t, "\ufffd[2Jgone\ufffd é", Wrap("\x1b[2Jgone\x00\té", "", 80), "a terminal obeys no text")
}

func TestConfirmAsksUntilTheAnswerIsYesOrNo(t *testing.T) {
	for _, c := range []struct {
		typed string
		want  bool
		asked int
	}{
		{"y\n", true, 1}, {" YES \n", true, 1}, {"n\n", false, 1}, {"\n", false, 1}, {"perhaps\nyes\n", true, 2},
		{"yes", true, 1}, // an answer without a line end is an answer
	} {
		var out bytes.Buffer
		got, err := NewAsker(strings.NewReader(c.typed), &out).Confirm(t.Context(), "Sure?")
		require.NoError(t, err)
		require.Equal(t, c.want, got, c.typed)
		require.Equal(t, strings.Repeat("Sure? [y/N] ", c.asked), out.String())
	}
}

func TestQuestionWithoutAnAnswerIsInvalid(t *testing.T) {
	_, err := NewAsker(strings.NewReader(""), io.Discard).Ask(t.Context(), "Your name:")
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
}

func TestInterruptEndsAQuestion(t *testing.T) {
	silent, typing := io.Pipe()
	defer func() { require.NoError(t, typing.Close()) }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := NewAsker(silent, io.Discard).Ask(ctx, "Your name:")
	require.ErrorIs(t, err, context.Canceled)
}
