//go:build !torch

package exec

import "github.com/spf13/cobra"

// engineCommands is empty: this build has no engine.
func engineCommands() []*cobra.Command { return nil }
