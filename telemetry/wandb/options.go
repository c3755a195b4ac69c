package wandb

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"

	"elara/spec/fault"
)

// DefaultServer is W&B's own.
const DefaultServer = "https://api.wandb.ai"

// Options says where a run goes.
type Options struct {
	Key     Key          // empty: offline only
	Server  string       // URL; empty: DefaultServer
	Entity  string       // user or team; empty: the key's own
	Tags    []string     // of the run
	Notice  func(string) // gets one line, at most once and from any goroutine, when the server cannot be used; may be nil
	Disable bool         // write nothing at all
}

// FromEnvironment reads the variables of W&B's own client: WANDB_API_KEY, WANDB_BASE_URL, WANDB_ENTITY, WANDB_TAGS and
// WANDB_MODE. WANDB_PROJECT and WANDB_NAME are for whoever names the run.
func FromEnvironment(getenv func(string) string) (Options, error) {
	o := Options{Key: NewKey(getenv("WANDB_API_KEY")), Server: getenv("WANDB_BASE_URL"), Entity: getenv("WANDB_ENTITY")}
	for tag := range strings.SplitSeq(getenv("WANDB_TAGS"), ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			o.Tags = append(o.Tags, tag)
		}
	}
	switch mode := getenv("WANDB_MODE"); mode {
	case "", "online":
	case "offline":
		o.Key = Key{}
	case "disabled":
		o.Disable = true
	default:
		return o, fault.New(fault.Invalid, "WANDB_MODE %q: expected online, offline or disabled", mode)
	}
	return o, o.check()
}

func (o Options) check() error {
	if o.Server == "" {
		return nil
	}
	u, err := url.Parse(o.Server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return fault.New(fault.Invalid, "W&B server: expected a URL such as %s, without a name or password in it", DefaultServer)
	}
	return nil
}

func (o Options) server() string {
	if o.Server == "" {
		return DefaultServer
	}
	return strings.TrimRight(o.Server, "/")
}

// Key is an API key. It shows itself nowhere: every rendering is "***".
type Key struct{ value string }

// NewKey wraps a key, without the white space that copying leaves around it.
func NewKey(value string) Key { return Key{strings.TrimSpace(value)} }

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k.value == "" }

const hidden = "***"

// Format covers every verb of package fmt, %#v included.
func (k Key) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, hidden) }

// String is for callers that do not go through package fmt.
func (k Key) String() string { return hidden }

// LogValue is for slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON is for encoding/json.
func (k Key) MarshalJSON() ([]byte, error) { return json.Marshal(hidden) }
