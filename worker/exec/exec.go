package exec

import (
	"github.com/spf13/cobra"

	"elara/spec/fault"
)

// Command is the parent of all stages.
func Command() *cobra.Command {
	c := &cobra.Command{
		Use:   "exec",
		Short: "Run one stage on this machine, without Temporal or S3",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return fault.New(fault.Invalid, "exec needs a stage: clean, format, tokenize, score, lora, generate or tiny-model")
		},
	}
	c.AddCommand(cleanCommand(), formatCommand(), tokenizeCommand())
	c.AddCommand(engineCommands()...)
	return c
}

// required declares a flag that must be given.
func required(c *cobra.Command, into *string, name, help string) {
	c.Flags().StringVar(into, name, "", help)
	if err := c.MarkFlagRequired(name); err != nil {
		panic(err) // the flag was declared on the line above
	}
}
