package exec

import (
	"strings"

	"github.com/spf13/cobra"

	"elara/spec/fault"
)

// Command is the parent of all stages.
func Command() *cobra.Command {
	c := &cobra.Command{
		Use:   "exec",
		Short: "Run one stage on this machine, without Temporal or S3",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			var stages []string
			for _, stage := range c.Commands() {
				stages = append(stages, stage.Name())
			}
			return fault.New(fault.Invalid, "exec needs a stage: %s", strings.Join(stages, ", "))
		},
	}
	c.AddCommand(cleanCommand(), formatCommand(), tokenizeCommand(), judgeCommand(), compareCommand(), plantCommand())
	c.AddCommand(engineCommands()...)
	for _, stage := range c.Commands() {
		stage.Args, stage.PreRunE = noArguments, flagsFit
	}
	return c
}

// noArguments and flagsFit are cobra's own checks, with the kind that makes them exit code 2.
func noArguments(c *cobra.Command, args []string) error { return invalid(cobra.NoArgs(c, args)) }

func flagsFit(c *cobra.Command, _ []string) error {
	if err := c.ValidateRequiredFlags(); err != nil {
		return invalid(err)
	}
	return invalid(c.ValidateFlagGroups())
}

func invalid(err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Invalid, "%w", err)
}

// required declares a flag that must be given.
func required(c *cobra.Command, into *string, name, help string) {
	c.Flags().StringVar(into, name, "", help)
	if err := c.MarkFlagRequired(name); err != nil {
		panic(err) // the flag was declared on the line above
	}
}
