package main

import (
	"context"

	"github.com/spf13/cobra"

	"elara/starter/devstack"
)

func newDown(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop the stack of this machine",
		Long: `Stop the stack that runs in the state folder: the worker saves first. The state stays,
and the next elara up goes on from it. A run that was under way goes on then, too.`,
		Example: "  elara down",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folder, err := a.state()
			if err != nil {
				return err
			}
			if _, err := devstack.Find(folder); err == nil {
				a.say("stopping: the worker saves first")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), stopWithin)
			defer cancel()
			if err := devstack.Down(ctx, folder); err != nil {
				return err
			}
			a.say("stopped; the state stays in %s", folder)
			return nil
		},
	}
}
