package setup

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/spec/fault"
)

func newCache(t *testing.T) Cache {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	cache, err := UserCache()
	require.NoError(t, err)
	return cache
}

// hold takes the cache's lock for the rest of the test.
func hold(t *testing.T, c Cache) {
	t.Helper()
	release, err := c.lock(func() { t.Error("the lock is taken") })
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, release()) })
}

func write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, []byte(text), mode))
}

// wheelOf makes a wheel and the part that describes it.
func wheelOf(t *testing.T, files map[string]string, keep ...Kept) (Part, []byte) {
	t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for name, text := range files {
		f, err := w.Create(name)
		require.NoError(t, err)
		_, err = f.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	sum := sha256.Sum256(archive.Bytes())
	return Part{
		Name: "some-part", Version: "1.2.3", SHA256: hex.EncodeToString(sum[:]), Platforms: []string{"any"}, Keep: keep,
	}, archive.Bytes()
}

// pipThatGives puts a python3 first on PATH that answers every download with this wheel.
func pipThatGives(t *testing.T, wheel []byte) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "given.whl"), string(wheel), 0o644)
	write(t, filepath.Join(dir, "python3"), `#!/bin/sh
while [ "$1" != --dest ]; do shift; done
cp "`+dir+`/given.whl" "$2/some_part-1.2.3-py3-none-any.whl"
`, 0o755)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func TestCacheFollowsXDG(t *testing.T) {
	t.Setenv("HOME", "/home/someone")
	t.Setenv("XDG_CACHE_HOME", "/var/tmp/c")
	c, err := UserCache()
	require.NoError(t, err)
	require.Equal(t, "/var/tmp/c/elara", c.Root)

	t.Setenv("XDG_CACHE_HOME", "relative/is/ignored")
	c, err = UserCache()
	require.NoError(t, err)
	require.Equal(t, "/home/someone/.cache/elara", c.Root)
}

func TestCachePathThatFlagsCannotCarryIsRefused(t *testing.T) {
	for _, base := range []string{"/tmp/with space", "/tmp/co:lon", "/tmp/quo'te", "/tmp/com,ma"} {
		t.Setenv("XDG_CACHE_HOME", base)
		_, err := UserCache()
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", base, err)
		require.ErrorContains(t, err, base)
	}
}

func TestSecondSetupWaitsForTheFirst(t *testing.T) {
	c := newCache(t)
	release, err := c.lock(func() { t.Error("nobody holds it yet") })
	require.NoError(t, err)
	waiting := make(chan struct{})
	entered := make(chan error, 1)
	go func() {
		again, err := c.lock(func() { close(waiting) })
		if err == nil {
			err = again()
		}
		entered <- err
	}()
	<-waiting
	require.Empty(t, entered, "the second is in while the first holds the lock")
	require.NoError(t, release())
	require.NoError(t, <-entered)
}

func TestFetchedWheelIsUnpackedToWhatIsUsed(t *testing.T) {
	c := newCache(t)
	hold(t, c)
	p, wheel := wheelOf(t,
		map[string]string{"pkg/include/a/b.h": "header", "pkg/lib/x.so": "library", "pkg/bin/run": "program", "pkg/huge.bin": "unused"},
		Kept{From: "pkg/include/", To: "include"}, Kept{From: "pkg/lib/x.so", To: "lib/x.so"},
		Kept{From: "pkg/bin/run", To: "bin/run", Executable: true})
	pipThatGives(t, wheel)

	require.False(t, c.present(p))
	file, err := c.fetch(context.Background(), p, &bytes.Buffer{})
	require.NoError(t, err)
	files, size, err := c.unpack(p, file)
	require.NoError(t, err)
	require.Equal(t, 3, files)
	require.Equal(t, int64(len("header")+len("library")+len("program")), size)
	require.True(t, c.present(p))

	text, err := os.ReadFile(filepath.Join(c.Dir(p), "include/a/b.h"))
	require.NoError(t, err)
	require.Equal(t, "header", string(text))
	info, err := os.Stat(filepath.Join(c.Dir(p), "bin/run"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o755), info.Mode())
	require.NoFileExists(t, filepath.Join(c.Dir(p), "huge.bin"))
}

func TestWheelOfAnotherDigestIsRefusedAndNotKept(t *testing.T) {
	c := newCache(t)
	hold(t, c)
	p, wheel := wheelOf(t, map[string]string{"a": "x"}, Kept{From: "a", To: "a"})
	pipThatGives(t, append(wheel, "one byte more"...))
	_, err := c.fetch(context.Background(), p, &bytes.Buffer{})
	require.True(t, fault.Is(err, fault.Corrupt), "%v", err)
	require.ErrorContains(t, err, p.SHA256)
	left, err := os.ReadDir(c.wheels())
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestStoppedSetupStopsTheDownloadAndLeavesNothing(t *testing.T) {
	c := newCache(t)
	hold(t, c)
	p, _ := wheelOf(t, map[string]string{"a": "x"}, Kept{From: "a", To: "a"})
	// A pip that has started a child of its own, and would take an hour.
	started := filepath.Join(t.TempDir(), "started")
	require.NoError(t, syscall.Mkfifo(started, 0o600))
	program(t, "python3", "(echo > "+started+"; sleep 3600) & wait")
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() {
		_, err := c.fetch(ctx, p, &bytes.Buffer{})
		failed <- err
	}()
	_, err := os.ReadFile(started) // returns when the child has written
	require.NoError(t, err)
	cancel()
	require.Error(t, <-failed) // while a child lived, it would hold the output open
	left, err := os.ReadDir(c.wheels())
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestCachedWheelIsTakenByItsDigestOnly(t *testing.T) {
	c := newCache(t)
	hold(t, c)
	p, wheel := wheelOf(t, map[string]string{"a": "x"}, Kept{From: "a", To: "a"})
	name := filepath.Join(c.wheels(), "some_part-1.2.3-py3-none-any.whl")

	write(t, name, "torn", 0o644)
	found, err := c.cachedWheel(p)
	require.NoError(t, err)
	require.Empty(t, found)
	require.NoFileExists(t, name)

	write(t, name, string(wheel), 0o644)
	found, err = c.cachedWheel(p)
	require.NoError(t, err)
	require.Equal(t, name, found)
}

func TestWheelGoesOnceItsPartIsThere(t *testing.T) {
	c := newCache(t)
	hold(t, c)
	p, wheel := wheelOf(t, map[string]string{"a": "x"}, Kept{From: "a", To: "a"})
	pipThatGives(t, wheel)
	var out bytes.Buffer
	o := Options{Out: &out}
	wheels := func() []os.DirEntry {
		left, err := os.ReadDir(c.wheels())
		require.NoError(t, err)
		return left
	}
	require.NoError(t, o.bring(context.Background(), c, p))
	require.Empty(t, wheels())
	require.Contains(t, out.String(), "digest verified")

	// As after a kill between unpacking and removing.
	write(t, filepath.Join(c.wheels(), "some_part-1.2.3-py3-none-any.whl"), string(wheel), 0o644)
	write(t, filepath.Join(c.wheels(), "another_part-1.2.3-py3-none-any.whl"), "other", 0o644)
	out.Reset()
	require.NoError(t, o.bring(context.Background(), c, p))
	require.Len(t, wheels(), 1)
	require.Equal(t, "setup  some-part            1.2.3 is there\n", out.String())
}

func TestTwoPartsOfOneWheelAreFetchedOnce(t *testing.T) {
	c := newCache(t)
	hold(t, c)
	first, wheel := wheelOf(t, map[string]string{"a": "x", "b": "yy"}, Kept{From: "a", To: "a"})
	second := first
	second.Variant, second.Keep = "more", []Kept{{From: "b", To: "b"}}
	require.NotEqual(t, c.Dir(first), c.Dir(second))
	pipThatGives(t, wheel)
	var out bytes.Buffer
	require.NoError(t, Options{Out: &out}.bring(context.Background(), c, first, second))
	require.Equal(t, 1, strings.Count(out.String(), "is fetched"))
	require.FileExists(t, filepath.Join(c.Dir(first), "a"))
	require.FileExists(t, filepath.Join(c.Dir(second), "b"))
	left, err := os.ReadDir(c.wheels())
	require.NoError(t, err)
	require.Empty(t, left)
}

// NVIDIA's libraries find each other by where they lie: each must see all others beside itself.
func TestLibrariesOfAllPartsLieInOneFolder(t *testing.T) {
	c := newCache(t)
	hold(t, c)
	p, wheel := wheelOf(t, map[string]string{"a": "x", "b": "yy", "c": "z"},
		Kept{From: "a", To: "lib/a.so"}, Kept{From: "b", To: "lib/b.so"}, Kept{From: "c", To: "licenses/c"})
	file := filepath.Join(t.TempDir(), "w.whl")
	write(t, file, string(wheel), 0o644)
	links := c.gathered([]Part{p})
	require.False(t, links.present())
	require.NoError(t, c.makeGathered(links))
	require.False(t, links.present(), "the part itself is missing")
	_, _, err := c.unpack(p, file)
	require.NoError(t, err)
	require.True(t, links.present())
	text, err := os.ReadFile(filepath.Join(links.lib(), "b.so"))
	require.NoError(t, err)
	require.Equal(t, "yy", string(text))
	all, err := os.ReadDir(links.lib())
	require.NoError(t, err)
	require.Len(t, all, 2)

	other := p
	other.Version = "1.2.4"
	require.NotEqual(t, links.dir, c.gathered([]Part{other}).dir, "other parts have another folder")
}

func TestCUDAIsNotBegunWhereItWouldFillTheDisk(t *testing.T) {
	c := newCache(t)
	var out bytes.Buffer
	require.NoError(t, Options{Out: &out}.roomForCUDA(c, neededCUDABytes))
	// 13 parts, whose wheels have 2,499,261,416 bytes.
	require.Contains(t, out.String(), "13 parts are missing: 2.5 GB to fetch, 3.0 GB unpacked when all are there, 4 GB free")
	err := Options{Out: &out}.roomForCUDA(c, neededCUDABytes-1)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	require.ErrorContains(t, err, "expected 3.6 GB")
}

func TestPartThatLostAFileIsNotPresentAndIsReplaced(t *testing.T) {
	c := newCache(t)
	hold(t, c)
	p, wheel := wheelOf(t, map[string]string{"a": "x", "b": "yy"}, Kept{From: "a", To: "a"}, Kept{From: "b", To: "b"})
	file := filepath.Join(t.TempDir(), "w.whl")
	write(t, file, string(wheel), 0o644)
	for name, damage := range map[string]func(){
		"a file is gone":  func() { require.NoError(t, os.Remove(filepath.Join(c.Dir(p), "a"))) },
		"a file is short": func() { require.NoError(t, os.Truncate(filepath.Join(c.Dir(p), "b"), 1)) },
		"no stamp":        func() { require.NoError(t, os.Remove(filepath.Join(c.Dir(p), stampName))) },
	} {
		_, _, err := c.unpack(p, file)
		require.NoError(t, err)
		require.True(t, c.present(p))
		damage()
		require.False(t, c.present(p), name)
	}
	_, _, err := c.unpack(p, file)
	require.NoError(t, err)
	require.True(t, c.present(p))
}

func TestKilledSetupLeavesNothingBehindForTheNext(t *testing.T) {
	c := newCache(t)
	hold(t, c)
	write(t, filepath.Join(c.wheels(), partial+"123", "half.whl"), "half", 0o644)
	write(t, filepath.Join(c.parts(), partial+"456", "lib", "half.so"), "half", 0o644)
	write(t, filepath.Join(c.parts(), "whole-1.0-abcdef01", "f"), "whole", 0o644)
	require.NoError(t, c.sweep())
	require.NoDirExists(t, filepath.Join(c.wheels(), partial+"123"))
	require.NoDirExists(t, filepath.Join(c.parts(), partial+"456"))
	require.FileExists(t, filepath.Join(c.parts(), "whole-1.0-abcdef01", "f"))
}

func TestWheelThatDoesNotFitItsPartIsRefused(t *testing.T) {
	cases := map[string]struct {
		files map[string]string
		keep  Kept
		want  string
	}{
		"a kept file is not in it":     {map[string]string{"other": "x"}, Kept{From: "wanted", To: "wanted"}, "the wheel holds no wanted"},
		"an entry leaves the folder":   {map[string]string{"in/../../../out": "x"}, Kept{From: "in/", To: "in"}, "leaves the folder"},
		"the archive is no archive":    {nil, Kept{From: "a", To: "a"}, "zip"},
		"a kept folder is not in it":   {map[string]string{"other": "x"}, Kept{From: "wanted/", To: "wanted"}, "the wheel holds no wanted/"},
		"a file of a kept folder only": {map[string]string{"wanted": "x"}, Kept{From: "wanted/", To: "wanted"}, "the wheel holds no wanted/"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := newCache(t)
			hold(t, c)
			p, wheel := wheelOf(t, tc.files, tc.keep)
			if tc.files == nil {
				wheel = []byte("not a zip")
			}
			file := filepath.Join(t.TempDir(), "w.whl")
			write(t, file, string(wheel), 0o644)
			_, _, err := c.unpack(p, file)
			require.ErrorContains(t, err, tc.want)
			left, err := os.ReadDir(c.parts())
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}
