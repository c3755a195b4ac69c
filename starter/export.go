package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"elara/data/export"
	"elara/data/instruct"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage/artifact"
)

// exporting is one call of elara export.
type exporting struct {
	app      *app
	to       string
	form     string
	quant    string
	base     string
	audience string
	name     string
	public   bool
	asJSON   bool
}

func newExport(a *app) *cobra.Command {
	e := &exporting{app: a}
	command := &cobra.Command{
		Use:   "export ARTIFACT --to DIR|s3://BUCKET/PREFIX|hub:OWNER/NAME --form gguf|peft|hf",
		Short: "Write a model or an adapter in a form that other programs run",
		Long: `Write an artifact as a GGUF file for llama.cpp and Ollama, with its Modelfile; as the
folder of a PEFT adapter; or as the folder of a Hugging Face model. ARTIFACT is a digest
(its first 12 digits are enough), RUN/NAME with a name that elara artifacts list shows,
or a folder of this machine, whose path begins with '.', '/' or '~'.

The chat template is that of the audience that the adapter was trained for, which is
looked up in the store; --audience names it where nothing is recorded. A model that was
taught by another template than this program's is refused. A GGUF file of an adapter has
it added to its base. Nothing appears under the target's name before it is complete; a
folder that is not empty is refused.

An upload goes on where it stopped when the same command is given again: files that are
there already are compared by their digest and not sent. S3 is reached as the store is
(--s3-endpoint and so on), a hub by HF_ENDPOINT and HF_TOKEN.

Exit codes: 0 written; 2 bad input, or refused; 1 anything else.`,
		Example: `  elara export winter-2026/patient --form gguf --quant Q8_0 --to ./patient-gguf
  elara export 1f0c5d2a9b3e --form peft --to s3://models/elara/patient
  elara export winter-2026/doctor --form peft --to hub:acme/elara-doctor
  elara export ./adapter --base ./smollm2 --audience patient --form gguf --quant Q4_K --to out`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return e.run(cmd, args[0]) },
	}
	flags := command.Flags()
	flags.StringVar(&e.to, "to", "", "folder, s3://bucket/prefix or hub:owner/name[@branch]")
	flags.StringVar(&e.form, "form", "", "gguf, peft or hf")
	flags.StringVar(&e.quant, "quant", "", "of a GGUF file: F32, F16, BF16, Q8_0, Q4_0 or Q4_K")
	flags.StringVar(&e.base, "base", "", "folder or .gguf file of the base, for an adapter's folder of this machine")
	flags.StringVar(&e.audience, "audience", "", "whose chat template is written: general, patient, doctor or emergency")
	flags.StringVar(&e.name, "name", "", "of the model, in the GGUF file and for its name (default: from ARTIFACT)")
	flags.BoolVar(&e.public, "public", false, "a repository that is made on a hub is for everyone to see")
	flags.BoolVar(&e.asJSON, "json", false, "print what was written as data")
	return command
}

// exportAnswer is the answer of export --json.
type exportAnswer struct {
	To     string `json:"to"`
	Commit string `json:"commit,omitempty"` // of a hub
	export.Written
}

func (e *exporting) run(cmd *cobra.Command, name string) (err error) {
	goal, err := parseGoal(e.to)
	if err != nil {
		return err
	}
	order := export.Order{
		Form: export.Form(e.form), Quantisation: e.quant, Audience: spec.Audience(e.audience), Template: instruct.Guide(),
		Facts: map[string]string{},
	}
	if err := order.Check(); err != nil {
		return fault.WithHint(err, "see elara export --help")
	}
	if goal.isFolder() {
		if err := export.CheckEmpty(goal.folder); err != nil {
			return err
		}
	}
	scratch, err := os.MkdirTemp("", "elara-export-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	if err := e.find(cmd, name, scratch, &order); err != nil {
		return err
	}
	folder := goal.folder
	if !goal.isFolder() {
		folder = filepath.Join(scratch, "export")
	}
	written, err := order.Write(cmd.Context(), folder, e.told("writing"))
	if err != nil {
		return err
	}
	answer := exportAnswer{To: e.to, Written: written}
	if !goal.isFolder() {
		if answer.Commit, err = e.upload(cmd, goal, folder, written); err != nil {
			return err
		}
	}
	return e.print(answer)
}

func (e *exporting) print(answer exportAnswer) error {
	if e.asJSON {
		return e.app.printJSON(answer)
	}
	if r := answer.GGUF; r != nil {
		for _, line := range append(r.Fallbacks, r.Notes...) {
			e.app.say("note: %s", line)
		}
	}
	if answer.Commit != "" {
		e.app.say("commit %s", answer.Commit)
	}
	_, err := fmt.Fprintln(e.app.out, answer.To)
	return err
}

// find lays out on this machine what is exported, and completes the order by it.
func (e *exporting) find(cmd *cobra.Command, name, scratch string, order *export.Order) error {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "/") || strings.HasPrefix(name, "~") {
		return e.findHere(name, order)
	}
	if e.base != "" {
		return usageError{fmt.Errorf("--base %s: expected it for a folder of this machine only; an artifact's base is known", e.base)}
	}
	return e.findStored(cmd, name, scratch, order)
}

// findHere takes a folder, or a .gguf file, for a model or for an adapter over --base.
func (e *exporting) findHere(path string, order *export.Order) error {
	if rest, isHome := strings.CutPrefix(path, "~/"); isHome {
		path = filepath.Join(e.app.getenv("HOME"), rest)
	}
	order.Name = e.named(strings.TrimSuffix(filepath.Base(filepath.Clean(path)), ".gguf"))
	if _, err := os.Stat(filepath.Join(path, "adapter_config.json")); err == nil {
		order.Adapter, order.Base = path, e.base
		if order.Base == "" && order.Form != export.FormPEFT {
			return usageError{fmt.Errorf("%s is an adapter: expected --base with its base model", path)}
		}
	} else if order.Form == export.FormPEFT {
		return fault.At(path, 0, "not an adapter, expected a folder with adapter_config.json")
	} else if order.Base = path; e.base != "" {
		return usageError{fmt.Errorf("--base %s: %s is a model already", e.base, path)}
	}
	return suit(order, artifact.Taught{})
}

func (e *exporting) named(otherwise string) string {
	if e.name != "" {
		return e.name
	}
	return otherwise
}

// suit refuses a name that is none, and settles by what template the model is to be asked.
func suit(order *export.Order, taught artifact.Taught) error {
	if strings.ContainsAny(order.Name, "/\\\x00") || order.Name == "" || strings.HasPrefix(order.Name, ".") {
		return fault.New(fault.Invalid, "--name %q: expected a plain name of a file", order.Name)
	}
	return order.Suit(taught.Templates, taught.Audiences)
}

// told shows progress: a bar on a terminal, and nothing where output is piped.
func (e *exporting) told(doing string) func(done, total int64) {
	if !e.app.outTerminal || e.asJSON {
		return nil
	}
	return func(done, total int64) {
		fmt.Fprintf(e.app.err, "\r%s", transferLine(doing, done, total))
		if done == total {
			fmt.Fprintln(e.app.err)
		}
	}
}
