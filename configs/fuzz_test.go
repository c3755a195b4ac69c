package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"elara/spec/fault"
)

// FuzzFilesNeverPanic feeds any bytes to every reader: the answer is a value or an Invalid error of one line.
func FuzzFilesNeverPanic(f *testing.F) {
	for _, name := range []string{"pipeline.yaml", "demo.yaml", "presets.yaml", "guide/medical_professional_lora.json", "../deploy/production.yaml"} {
		content, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	for _, seed := range []string{"", "{", "a: &x [*x]", "? [a]\n: b", "- !!binary x", "a: |\n  x", "\xff", "{\"a\":{\"a\":1,\"a\":2}}", "name: \u2028"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, file := range []string{"x.yaml", "x.json"} {
			tree, err := parse(content, origin{file: file, dir: "/d"})
			check := func(err error) {
				if err != nil && (!fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "\n")) {
					t.Fatalf("kind %q: %q", fault.KindOf(err), err)
				}
			}
			if check(err); err != nil {
				continue
			}
			_, err = decodePipeline(tree, nil)
			check(err)
			_, err = decodeLoRAJob(tree)
			check(err)
			table := new(settingsReader).keys()
			settings, err := table.canonical(tree, "")
			check(err)
			if err == nil {
				_, err = decodeSettings(settings)
				check(err)
			}
		}
	})
}
