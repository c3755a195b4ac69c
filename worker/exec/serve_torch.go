//go:build torch

package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"elara/data/instruct"
	"elara/engine/lora"
	"elara/engine/recipes"
	"elara/engine/sample"
	"elara/engine/tensor"
	"elara/internal/listen"
	"elara/internal/version"
	"elara/serving"
	"elara/spec/fault"
	"elara/telemetry"
)

func serveCommand() *cobra.Command {
	var o serving.Options
	c := &cobra.Command{
		Use:     "serve --model DIR [--adapter NAME=DIR ...]",
		Short:   "Answer chats over HTTP in OpenAI's form, adapters by name over one base",
		Example: `  elara-worker exec serve --model smollm2 --adapter patient=exports/patient --adapter doctor:doctor=models_files/doctor`,
		RunE:    func(c *cobra.Command, _ []string) error { return serve(c, o) },
	}
	o.Declare(c.Flags())
	if err := c.MarkFlagRequired("model"); err != nil {
		panic(err) // Declare declares it
	}
	return c
}

// serve checks what costs nothing to check before it loads anything.
func serve(c *cobra.Command, o serving.Options) error {
	at := listen.Listening{Address: o.Address, CertFile: o.CertFile, KeyFile: o.KeyFile, BehindProxy: o.BehindProxy}
	if err := at.Check(); err != nil {
		return err
	}
	config := serving.Config{
		Template: instruct.Guide(), MaxNewTokens: o.MaxNewTokens, Requests: o.Requests, Timeout: o.Timeout,
		Logger: slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)),
	}
	if o.Rows < 1 || o.CacheTokens < 1 || o.Requests < 1 || o.MaxNewTokens < 1 || o.Timeout <= 0 {
		return fault.New(fault.Invalid, "--rows, --cache-tokens, --requests, --max-new-tokens and --timeout: expected more than 0 of each")
	}
	var err error
	if config.Token, err = serving.ReadToken(o.TokenFile, os.Getenv); err != nil {
		return err
	}
	if config.Host = at.Host(); config.Host == "" && config.Token == "" {
		return fault.WithHint(fault.New(fault.Invalid, "--listen %s: anybody who reaches it could ask", o.Address),
			"give --token-file, or %s", serving.TokenVariable)
	}
	return withModels(c.ErrOrStderr(), func(m *models) error {
		job := recipes.ServeJob{BF16: o.BF16, Rows: o.Rows, Tokens: o.CacheTokens}
		if job.BaseModel, err = m.find(c.Context(), o.Model); err != nil {
			return err
		}
		config.Models = []serving.Model{{Name: serving.Base}}
		for _, text := range o.Adapters {
			adapter, err := serving.ParseAdapter(text)
			if err != nil {
				return err
			}
			model, err := adapter.Describe(config.Template)
			if err != nil {
				return err
			}
			trained, err := lora.BaseName(adapter.Dir)
			if err != nil {
				return err
			}
			config.Models = append(config.Models, model)
			job.Adapters = append(job.Adapters, recipes.ServeAdapter{Name: adapter.Name, Dir: adapter.Dir, BaseModel: trained})
		}
		if _, err := serving.New(config); err != nil {
			return err
		}
		engine := engineFlags{tensor.Options{Device: o.Device, Threads: o.Threads}}
		return engine.withEngine(func(r *recipes.Runner) error {
			return r.Serve(c.Context(), job, func(s *recipes.Session) error { return answer(c.Context(), c.OutOrStdout(), at, config, s) })
		})
	})
}

// answer listens, and answers until ctx ends.
func answer(ctx context.Context, out io.Writer, at listen.Listening, config serving.Config, s *recipes.Session) (err error) {
	config.Tokenizer, config.Window, config.Generator, config.Models[0].Digest = s.Tokenizer, s.Window, session{s}, s.Base
	exposed, err := telemetry.Expose("elara-serve", version.Text(), config.Logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, exposed.Shutdown(context.WithoutCancel(ctx))) }()
	config.Metrics = exposed.Handler
	if config.Instruments, err = telemetry.NewServeInstruments(exposed.Meter()); err != nil {
		return err
	}
	server, err := serving.New(config)
	if err != nil {
		return err
	}
	return listen.Serve(ctx, at, server.Handler(), func(address string) error {
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(table, "%s%s/v1\n\nmodel\taudience\tdigest\ttemplate\n", serving.AddressLine, address)
		for _, m := range config.Models {
			audience, template := string(m.Audience), "as its record says"
			if audience == "" {
				audience = "any"
			}
			if m.Template == "" {
				template = "not recorded"
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", m.Name, audience, m.Digest.Short(), template)
		}
		return table.Flush()
	})
}

// session is the engine as a server asks it.
type session struct{ *recipes.Session }

// Generate continues a prompt.
func (s session) Generate(ctx context.Context, g serving.Generation, each func(id int32) error) (serving.FinishReason, error) {
	adapter := g.Model
	if adapter == serving.Base {
		adapter = ""
	}
	end, err := s.Session.Generate(ctx, adapter, sample.Request{Prompt: g.Prompt, Options: sample.Options{
		MaxNewTokens: g.MaxNewTokens, Temperature: g.Temperature, TopP: g.TopP, Seed: g.Seed,
	}}, each)
	switch {
	case err != nil:
		return "", err
	case end == sample.Full:
		return serving.FinishLength, nil
	}
	return serving.FinishStop, nil
}
