package labelled_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"elara/scoring/labelled"
	"elara/spec/fault"
)

type item struct {
	ID    string `json:"id"`
	Group string `json:"group"`
}

func (i item) Key() (id, group string) { return i.ID, i.Group }

func TestBadItemsNameTheLine(t *testing.T) {
	require.Equal(t, labelled.Dev, labelled.PartOf("m", "a")) // SHA-256 of "153/m/a" begins with an even byte
	for content, want := range map[string]string{
		``:                             `: no items; expected one a line`,
		`{"id":"1","group":"a","x":1}`: `:1: json: unknown field "x"`,
		`{"id":"1"}`:                   `:1: no "id" or no "group"; expected both`,
		"{\"id\":\"1\",\"group\":\"a\"}\n{\"id\":\"1\",\"group\":\"a\"}": `:2: id 1 is on line 1 too; expected each once`,
	} {
		folder := t.TempDir()
		path := filepath.Join(folder, "dev.jsonl")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := labelled.Read[item](folder, "m", labelled.Dev)
		require.EqualError(t, err, path+want)
		require.True(t, fault.Is(err, fault.Invalid))
	}
	_, err := labelled.Read[item](t.TempDir(), "m", labelled.Dev)
	require.True(t, fault.Is(err, fault.NotFound))
}

func TestItemInTheWrongPartIsRefused(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "sealed.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(`{"id":"1","group":"a"}`), 0o600))
	_, err := labelled.Read[item](folder, "m", labelled.Sealed)
	require.EqualError(t, err, path+`:1: group "a" belongs to dev.jsonl; expected it there`)
}
