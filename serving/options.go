package serving

import (
	"strconv"
	"time"

	"github.com/spf13/pflag"
)

// Bounds where no others are named.
const (
	defaultMaxNewTokens = 1024
	defaultRequests     = 256
	defaultTimeout      = 10 * time.Minute
)

// Options are the flags of a server, the same for elara serve and for the worker's command that it starts.
type Options struct {
	Model    string
	Adapters []string
	BF16     bool
	Device   string
	Threads  int

	Address           string
	CertFile, KeyFile string
	BehindProxy       bool
	TokenFile         string

	Rows         int
	CacheTokens  int
	Requests     int
	MaxNewTokens int
	Timeout      time.Duration
}

// DeclareModels adds the flags that say what answers.
func (o *Options) DeclareModels(flags *pflag.FlagSet) {
	flags.StringVar(&o.Model, "model", "", "base model: a folder in Hugging Face form, a .gguf file, or owner/name on a hub")
	flags.StringArrayVar(&o.Adapters, "adapter", nil, "NAME=DIR of a PEFT adapter, or NAME:AUDIENCE=DIR where no elara.json says for whom it was taught; may be repeated")
	flags.BoolVar(&o.BF16, "bf16", false, "hold the base in bfloat16")
	flags.StringVar(&o.Device, "device", "cpu", "cpu, or cuda:N for a GPU")
	flags.IntVar(&o.Threads, "threads", 0, "CPU threads; 0: all cores")
}

// Declare adds all flags.
func (o *Options) Declare(flags *pflag.FlagSet) {
	o.DeclareModels(flags)
	flags.StringVar(&o.Address, "listen", "127.0.0.1:8000", "HOST:PORT to listen on; port 0: a free one")
	flags.StringVar(&o.CertFile, "tls-cert", "", "certificate of the server, PEM")
	flags.StringVar(&o.KeyFile, "tls-key", "", "its key, PEM")
	flags.BoolVar(&o.BehindProxy, "behind-proxy", false, "a proxy ends TLS in front of the server")
	flags.StringVar(&o.TokenFile, "token-file", "", "file with the token that callers show (default $"+TokenVariable+")")
	flags.IntVar(&o.Rows, "rows", 32, "requests that are continued side by side; others wait")
	flags.IntVar(&o.CacheTokens, "cache-tokens", 16384, "tokens of all texts that are remembered, ended ones included")
	flags.IntVar(&o.Requests, "requests", defaultRequests, "requests that are answered or wait at once; more are refused")
	flags.IntVar(&o.MaxNewTokens, "max-new-tokens", defaultMaxNewTokens, "most tokens of an answer whose request names no bound")
	flags.DurationVar(&o.Timeout, "timeout", defaultTimeout, "of a request, waiting included")
}

// ModelArguments are the options of DeclareModels as a command line.
func (o *Options) ModelArguments() []string {
	args := []string{"--model", o.Model, "--device", o.Device, "--threads", strconv.Itoa(o.Threads), "--bf16=" + strconv.FormatBool(o.BF16)}
	for _, adapter := range o.Adapters {
		args = append(args, "--adapter", adapter)
	}
	return args
}

// Arguments are the options of Declare as a command line.
func (o *Options) Arguments() []string {
	return append(o.ModelArguments(),
		"--listen", o.Address, "--tls-cert", o.CertFile, "--tls-key", o.KeyFile, "--behind-proxy="+strconv.FormatBool(o.BehindProxy),
		"--token-file", o.TokenFile, "--rows", strconv.Itoa(o.Rows), "--cache-tokens", strconv.Itoa(o.CacheTokens),
		"--requests", strconv.Itoa(o.Requests), "--max-new-tokens", strconv.Itoa(o.MaxNewTokens), "--timeout", o.Timeout.String(),
	)
}

// AddressLine begins the line in which a server says where it is reached, the first that it prints.
const AddressLine = "Server  "
