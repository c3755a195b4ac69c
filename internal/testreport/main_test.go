package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func run(t *testing.T, events ...string) (printed string, ok bool) {
	t.Helper()
	var out strings.Builder
	ok, err := report(strings.NewReader(strings.Join(events, "\n")+"\n"), &out)
	require.NoError(t, err)
	return out.String(), ok
}

func TestPassingPackageShowsItsLineOnly(t *testing.T) {
	printed, ok := run(t,
		`{"Action":"run","Package":"p","Test":"TestA"}`,
		`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}`,
		`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: chatter\n"}`,
		`{"Action":"pass","Package":"p","Test":"TestA"}`,
		`{"Action":"output","Package":"p","Output":"PASS\n"}`,
		`{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}`,
		`{"Action":"pass","Package":"p"}`)
	require.True(t, ok)
	require.Equal(t, "ok  \tp\t0.1s\n\n1 passed, 0 failed, 0 skipped\n", printed)
}

func TestSkippedTestIsNamedWithItsReason(t *testing.T) {
	printed, ok := run(t,
		`{"Action":"pass","Package":"p","Test":"TestA"}`,
		`{"Action":"output","Package":"p","Test":"TestS","Output":"=== RUN   TestS\n"}`,
		`{"Action":"output","Package":"p","Test":"TestS","Output":"    s_test.go:4: no GPU here\n"}`,
		`{"Action":"output","Package":"p","Test":"TestS","Output":"--- SKIP: TestS (0.00s)\n"}`,
		`{"Action":"skip","Package":"p","Test":"TestS"}`)
	require.True(t, ok)
	require.Equal(t, "\nskipped:\n  p TestS: s_test.go:4: no GPU here\n\n1 passed, 0 failed, 1 skipped\n", printed)
}

func TestFailingTestShowsAllItSaid(t *testing.T) {
	printed, ok := run(t,
		`{"Action":"output","Package":"q","Test":"TestBad","Output":"    q_test.go:3: broken\n"}`,
		`{"Action":"fail","Package":"q","Test":"TestBad"}`,
		`{"Action":"output","Package":"q","Output":"FAIL\tq\t0.1s\n"}`,
		`{"Action":"fail","Package":"q"}`)
	require.False(t, ok)
	require.Equal(t, "    q_test.go:3: broken\nFAIL\tq\t0.1s\n\n0 passed, 1 failed, 0 skipped\n", printed)
}

func TestPackageThatFailsWithoutAFailingTestCounts(t *testing.T) {
	passed := `{"Action":"pass","Package":"p","Test":"TestA"}`
	cases := map[string][]string{
		"it does not build": {
			`{"Action":"build-output","ImportPath":"c","Output":"c.go:3: undefined: x\n"}`,
			`{"Action":"fail","Package":"c","FailedBuild":"c"}`,
		},
		"its TestMain exits": {
			`{"Action":"output","Package":"c","Output":"FAIL\tc\t0.1s\n"}`,
			`{"Action":"fail","Package":"c"}`,
		},
		"a test ends the process": {
			`{"Action":"output","Package":"c","Test":"TestExit","Output":"=== RUN   TestExit\n"}`,
			`{"Action":"fail","Package":"c"}`,
		},
	}
	for name, events := range cases {
		t.Run(name, func(t *testing.T) {
			printed, ok := run(t, append([]string{passed}, events...)...)
			require.False(t, ok)
			require.Contains(t, printed, "1 passed, 1 failed, 0 skipped\n")
		})
	}
}

func TestNoTestsAtAllIsAFailure(t *testing.T) {
	printed, ok := run(t, `go: some message that is not JSON`)
	require.False(t, ok)
	require.Equal(t, "go: some message that is not JSON\n\n0 passed, 0 failed, 0 skipped\n", printed)
}
