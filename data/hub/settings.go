package hub

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"elara/spec/fault"
)

// DefaultEndpoint is the public hub.
const DefaultEndpoint = "https://huggingface.co"

// Settings say which hub is asked, and where its files are kept.
type Settings struct {
	Endpoint string // of the hub, without a slash at its end
	Token    Token  // may be zero: most models are public
	Cache    string // folder of the repositories' folders
	Offline  bool   // answer from the cache only
}

// FromEnvironment reads the variables that huggingface_hub and transformers read, in their order of precedence, and the
// token's file: HF_ENDPOINT; HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH, HF_HUB_DISABLE_IMPLICIT_TOKEN; HF_HUB_CACHE,
// HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, HOME; HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE.
func FromEnvironment(getenv func(string) string) (Settings, error) {
	env := environment{getenv}
	home := env.folder(filepath.Join(env.first("XDG_CACHE_HOME", filepath.Join(getenv("HOME"), ".cache")), "huggingface"), "HF_HOME")
	s := Settings{
		Endpoint: strings.TrimRight(env.first("HF_ENDPOINT", DefaultEndpoint), "/"),
		Cache:    env.folder(filepath.Join(home, "hub"), "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"),
		Offline:  env.isTrue("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
	}
	if !env.isTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
		s.Token = NewToken(env.first("HF_TOKEN", getenv("HUGGING_FACE_HUB_TOKEN")))
		if s.Token.IsZero() {
			var err error
			if s.Token, err = readToken(env.folder(filepath.Join(home, "token"), "HF_TOKEN_PATH")); err != nil {
				return Settings{}, err
			}
		}
	}
	return s, s.Validate()
}

// Validate checks what New relies on.
func (s Settings) Validate() error {
	u, err := url.Parse(s.Endpoint)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fault.New(fault.Invalid, "HF_ENDPOINT is not the address of a hub, expected one such as %s", DefaultEndpoint)
	}
	if !filepath.IsAbs(s.Cache) {
		return fault.New(fault.Invalid, "HF_HUB_CACHE is %q, expected an absolute path (or set HF_HOME, or HOME)", s.Cache)
	}
	return nil
}

// readToken reads a token from its file; a file that is not there means no token.
func readToken(path string) (Token, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Token{}, nil
	}
	if err != nil {
		return Token{}, fault.New(fault.Invalid, "read the hub's token: %w", err)
	}
	return NewToken(string(text)), nil
}

// environment reads variables as huggingface_hub does: an empty one counts as not set.
type environment struct{ getenv func(string) string }

func (e environment) first(name, otherwise string) string {
	if v := e.getenv(name); v != "" {
		return v
	}
	return otherwise
}

// folder gives the first of the named paths that is set, with ~ and $NAME replaced.
func (e environment) folder(otherwise string, names ...string) string {
	path := otherwise
	for _, name := range names {
		if v := e.getenv(name); v != "" {
			path = v
			break
		}
	}
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || rest[0] == '/') {
		path = e.getenv("HOME") + rest
	}
	return os.Expand(path, func(name string) string {
		if v := e.getenv(name); v != "" {
			return v
		}
		return "$" + name
	})
}

// isTrue looks at the first of the named switches that is set.
func (e environment) isTrue(names ...string) bool {
	for _, name := range names {
		if v := strings.ToUpper(e.getenv(name)); v != "" {
			return v == "1" || v == "ON" || v == "YES" || v == "TRUE"
		}
	}
	return false
}
