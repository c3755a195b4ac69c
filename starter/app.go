package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"elara/configs"
	"elara/internal/version"
	"elara/spec/fault"
	"elara/starter/devstack"
	"elara/starter/terminal"
)

// app is what every verb works with: where it reads and writes, the clock, and the flags that all share.
type app struct {
	in  io.Reader
	out io.Writer // data, and what was asked for
	err io.Writer // talk

	inTerminal, outTerminal bool
	width                   func() int // of the terminal, in columns
	now                     func() time.Time
	getenv                  func(string) string

	stateFolder string
	configFile  string

	asker *terminal.Asker // made at the first question: one reader of the input for all of them
}

func newApp(in, out, err *os.File) *app {
	return &app{
		in: in, out: out, err: err,
		inTerminal:  term.IsTerminal(int(in.Fd())),
		outTerminal: term.IsTerminal(int(out.Fd())) && os.Getenv("TERM") != "dumb",
		width:       func() int { return columns(out) },
		now:         time.Now,
		getenv:      os.Getenv,
	}
}

// columns is the width of a terminal; 80 when it does not say.
func columns(file *os.File) int {
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil || width <= 0 {
		return 80
	}
	return width
}

const rootHelp = `Elara turns medical text into language-model adapters that can be trusted: data
preparation, training, evaluation, a named human's approval and release, as
durable workflows on Temporal with every state in S3.

Without settings, the verbs use the stack of this machine (elara up). To use a
cluster, name it: --temporal-address and --s3-endpoint, ELARA_TEMPORAL_ADDRESS and
so on in the environment, or a settings file with --config.

Exit codes: 0 done; 2 bad input (a name that nothing has is that, too), or a request that
was refused; 1 anything else.`

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "elara",
		Short:         "Durable post-training for medical language models",
		Version:       version.Text(),
		Long:          rootHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetUsageTemplate(usageTemplate)
	group(root)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())}
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.stateFolder, "state", "", "folder of this machine's stack (default $XDG_STATE_HOME/elara or ~/.local/state/elara)")
	flags.StringVar(&a.configFile, "config", "", "settings file: how to reach Temporal and S3")
	addSettings(flags, "temporal-", "s3-", "queues-")
	root.AddCommand(
		newUp(a), newDown(a), newDemo(a),
		newRun(a), newWatch(a), newStatus(a),
		newApprove(a), newReject(a), newCancel(a),
		newPreferences(a), newDesk(a),
		newEvaluate(a), newCompare(a), newServe(a), newChat(a),
		newSchedule(a), newArtifacts(a), newRelease(a), newWithdraw(a), newExport(a), newDoctor(a),
	)
	markUsageErrors(root)
	return root
}

// usageTemplate is the help of a verb without the settings, which the root's help lists once.
const usageTemplate = `Usage:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command]

Commands:{{range .Commands}}{{if (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasParent}}

elara --help lists the flags that say where Temporal and S3 are.{{end}}
`

// addSettings adds the flags of the settings whose names begin so. Each verb has those that it reads.
func addSettings(flags *pflag.FlagSet, prefixes ...string) {
	var all pflag.FlagSet
	configs.AddSettingsFlags(&all)
	all.VisitAll(func(flag *pflag.Flag) {
		if slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(flag.Name, prefix) }) {
			flags.AddFlag(flag)
		}
	})
}

// group makes a command that only holds others: alone it shows its help, with a word it does not know it refuses.
func group(command *cobra.Command, subs ...*cobra.Command) *cobra.Command {
	command.AddCommand(subs...)
	command.Args = cobra.ArbitraryArgs
	command.SuggestionsMinimumDistance = 2 // one swap of letters
	command.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		err := fmt.Errorf("unknown command %q for %s (see %s --help)", args[0], cmd.CommandPath(), cmd.CommandPath())
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			err = fmt.Errorf("unknown command %q for %s, did you mean %s?", args[0], cmd.CommandPath(), strings.Join(near, " or "))
		}
		return usageError{err}
	}
	return command
}

// markUsageErrors makes a wrong number of arguments count as bad input, as a wrong flag does, for every verb.
func markUsageErrors(command *cobra.Command) {
	if check := command.Args; check != nil {
		command.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())}
			}
			return nil
		}
	}
	for _, sub := range command.Commands() {
		markUsageErrors(sub)
	}
}

// state gives the folder of this machine's stack, as an absolute path.
func (a *app) state() (string, error) {
	if a.stateFolder == "" {
		return devstack.DefaultFolder()
	}
	folder, err := filepath.Abs(a.stateFolder)
	if err != nil {
		return "", fault.New(fault.Invalid, "--state %s: %w", a.stateFolder, err)
	}
	return folder, nil
}

// printJSON writes one value on one line of standard output.
func (a *app) printJSON(value any) error { return json.NewEncoder(a.out).Encode(value) }

// say writes a line of talk.
func (a *app) say(format string, args ...any) { fmt.Fprintf(a.err, format+"\n", args...) }

// confirm asks a person at the terminal. Where there is nobody to ask it is Invalid, with the way to do without.
func (a *app) confirm(ctx context.Context, question, without string) (bool, error) {
	if !a.inTerminal {
		return false, fault.New(fault.Invalid, "%s: there is no terminal to ask at; expected %s", question, without)
	}
	return a.person().Confirm(ctx, question)
}

// ask is confirm for a question that is answered in words.
func (a *app) ask(ctx context.Context, question, without string) (string, error) {
	if !a.inTerminal {
		return "", fault.New(fault.Invalid, "%s: there is no terminal to ask at; expected %s", question, without)
	}
	return a.person().Ask(ctx, question)
}

func (a *app) person() *terminal.Asker {
	if a.asker == nil {
		a.asker = terminal.NewAsker(a.in, a.err)
	}
	return a.asker
}
