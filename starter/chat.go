package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"elara/data/instruct"
	"elara/serving"
	"elara/spec"
	"elara/starter/terminal"
)

func newChat(a *app) *cobra.Command {
	var o serving.Options
	var url, begin, audience string
	c := chat{app: a}
	command := &cobra.Command{
		Use:   "chat --model DIR [--adapter NAME=DIR ...] | --url URL",
		Short: "Talk to a model and its adapters in the terminal",
		Long: `Talk to adapters over one base: with a server that this command starts and ends (--model), or
with one that runs (--url; its token from $` + serving.TokenVariable + ` or --token-file).

` + chatHelp + `
Where input is piped, each line is a message or a command, and only answers are printed.`,
		Example: `  elara chat --model models/smollm2 --adapter patient=exports/patient
  echo "What is gout?" | elara chat --url http://127.0.0.1:8000/v1 --use doctor`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (url == "") == (o.Model == "") {
				return usageError{fmt.Errorf("expected one of --model DIR and --url URL (see %s --help)", cmd.CommandPath())}
			}
			c.audience = spec.Audience(audience)
			if url == "" {
				return a.withOwnServer(cmd.Context(), o, func(ctx context.Context, s chatServer) error { return c.run(ctx, s, begin) })
			}
			token, err := serving.ReadToken(o.TokenFile, a.getenv)
			if err != nil {
				return err
			}
			return c.run(cmd.Context(), chatServer{url: strings.TrimSuffix(url, "/"), token: token}, begin)
		},
	}
	flags := command.Flags()
	o.DeclareModels(flags)
	flags.StringVar(&url, "url", "", "server to talk to, as http://HOST:PORT/v1")
	flags.StringVar(&o.TokenFile, "token-file", "", "file with that server's token (default $"+serving.TokenVariable+")")
	flags.StringVar(&begin, "use", "", "adapter to begin with, or base (default the first adapter)")
	flags.StringVar(&audience, "audience", "", "for whom base answers: general, patient, doctor or emergency (default general)")
	flags.Float64Var(&c.temperature, "temperature", 0, "0: always the most probable token")
	flags.IntVar(&c.maxTokens, "max-tokens", 0, "most tokens of an answer (default the server's)")
	flags.Int64Var(&c.seed, "seed", 42, "seed of the draws")
	return command
}

const chatHelp = `  /adapter [NAME]     talk to another adapter, or to base; alone: list them
  /audience [NAME]    for whom base answers; an adapter has its own
  /template           show the text that the model is given
  /reset              forget the conversation
  /quit               end
`

// chat is a conversation at the terminal.
type chat struct {
	app         *app
	server      chatServer
	models      []serving.ListedModel
	model       serving.ListedModel
	audience    spec.Audience // for whom base answers
	turns       []instruct.Message
	temperature float64
	maxTokens   int
	seed        int64
}

// run talks until the input or ctx ends.
func (c *chat) run(ctx context.Context, server chatServer, begin string) (err error) {
	c.server = server
	if c.models, err = server.models(ctx); err != nil {
		return err
	}
	if begin == "" {
		begin = c.models[min(1, len(c.models)-1)].ID
	}
	if err := c.use(begin); err != nil {
		return err
	}
	if c.audience != "" {
		if err := c.setAudience(string(c.audience)); err != nil {
			return err
		}
	}
	if c.app.inTerminal {
		c.app.say("%s  (/help lists the commands)", c.who())
	}
	lines := terminal.Lines(c.app.in)
	for {
		if c.app.inTerminal {
			fmt.Fprintf(c.app.err, "%s> ", c.model.ID)
		}
		var line string
		select {
		case next, more := <-lines:
			if !more {
				return nil
			}
			line = strings.TrimSpace(next)
		case <-ctx.Done():
			return nil // it was asked to end
		}
		quit, err := c.take(ctx, line)
		if err != nil {
			if !c.app.inTerminal {
				return err
			}
			c.app.say("%s", oneLine(err)) // the person may say something else
			continue
		}
		if quit {
			return nil
		}
	}
}

// take does what one line says.
func (c *chat) take(ctx context.Context, line string) (quit bool, err error) {
	if !strings.HasPrefix(line, "/") {
		if line == "" {
			return false, nil
		}
		return false, c.ask(ctx, line)
	}
	command, argument, _ := strings.Cut(line, " ")
	argument = strings.TrimSpace(argument)
	switch command {
	case "/quit":
		return true, nil
	case "/help":
		fmt.Fprint(c.app.err, chatHelp)
	case "/reset":
		c.turns = nil
	case "/template":
		return false, c.showTemplate()
	case "/adapter":
		if argument == "" {
			for _, m := range c.models {
				c.app.say("%-20s %s", m.ID, audienceText(m.Audience))
			}
			return false, nil
		}
		return false, c.use(argument)
	case "/audience":
		return false, c.setAudience(argument)
	default:
		return false, usageError{fmt.Errorf("unknown command %s, expected /adapter, /audience, /template, /reset, /help or /quit", command)}
	}
	return false, nil
}

func audienceText(a spec.Audience) string {
	if a == "" {
		return "any audience"
	}
	return "for the audience " + string(a)
}

// use turns to another model, and begins anew: it has not said what the last one said.
func (c *chat) use(name string) error {
	for _, m := range c.models {
		if m.ID == name {
			c.model, c.turns = m, nil
			return nil
		}
	}
	known := make([]string, len(c.models))
	for i, m := range c.models {
		known[i] = m.ID
	}
	return usageError{fmt.Errorf("the server has no model %s, expected one of: %s", name, strings.Join(known, ", "))}
}

// setAudience changes for whom base answers. An adapter answers for the one that it was taught for.
func (c *chat) setAudience(name string) error {
	if name == "" {
		c.app.say("%s", c.who())
		return nil
	}
	audience := spec.Audience(name)
	if err := audience.Check(); err != nil {
		return err
	}
	if own := c.model.Audience; own != "" && own != audience {
		return usageError{fmt.Errorf("%s answers for the audience %s, expected /adapter with another, or base", c.model.ID, own)}
	}
	if c.audience != audience {
		c.audience, c.turns = audience, nil
	}
	return nil
}

func (c *chat) who() string {
	return fmt.Sprintf("%s %s, for the audience %s", c.model.ID, c.model.Digest.Short(), c.listener())
}

// listener is for whom the model answers.
func (c *chat) listener() spec.Audience {
	switch {
	case c.model.Audience != "":
		return c.model.Audience
	case c.audience != "":
		return c.audience
	}
	return spec.General
}

// showTemplate shows the text of the next question. It is made here, which is right where the server has the same template.
func (c *chat) showTemplate() error {
	template := instruct.Guide()
	if err := template.CheckHash(c.model.Template); err != nil {
		return err
	}
	text, err := template.Conversation(append(c.turns[:len(c.turns):len(c.turns)], instruct.Message{Role: "user", Content: "{question}"}), c.listener())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.app.out, "%stemplate %s of %s\n", shown(text), c.model.Template.Short(), template.ID)
	return err
}

// ask sends a message, and prints the answer as it comes.
func (c *chat) ask(ctx context.Context, question string) error {
	turns := slices.Concat(c.turns, []instruct.Message{{Role: "user", Content: question}})
	request := chatOrder{
		Model: c.model.ID, Messages: turns, Stream: true, Temperature: c.temperature, MaxTokens: c.maxTokens, Seed: c.seed, Audience: c.listener(),
		Stop: instruct.Guide().Stops(),
	}
	var answer strings.Builder
	finish, err := c.server.stream(ctx, request, func(piece string) error {
		answer.WriteString(piece)
		_, err := io.WriteString(c.app.out, shown(piece))
		return err
	})
	fmt.Fprintln(c.app.out)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	if err != nil {
		return err
	}
	if finish == serving.FinishLength && c.app.inTerminal {
		c.app.say("(cut off)")
	}
	turns = append(turns, instruct.Message{Role: "assistant", Content: answer.String()})
	c.turns = turns
	return nil
}

// shown takes out what would command the terminal, or deceive its reader.
func shown(text string) string {
	return strings.Map(func(r rune) rune {
		if !terminal.Shows(r) {
			return -1
		}
		return r
	}, text)
}
