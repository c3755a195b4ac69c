package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"elara/serving"
)

func newServe(a *app) *cobra.Command {
	var o serving.Options
	command := &cobra.Command{
		Use:   "serve --model DIR [--adapter NAME=DIR ...]",
		Short: "Answer chats over HTTP in OpenAI's form, adapters by name over one base",
		Long: `Serve one base model and adapters over it: POST /v1/chat/completions and GET /v1/models as
OpenAI's API has them, with the adapter's name as the model, or "base". Requests are
continued side by side. Each adapter is asked in the template and for the audience that
it was taught in; one whose record names another template is refused.

The server listens on this machine alone unless --listen says otherwise; then it wants a
token ($` + serving.TokenVariable + ` or --token-file) and a certificate, or --behind-proxy.
docs/serving.md has the fields, the errors and the limits.`,
		Example: `  elara serve --model models/smollm2 --adapter patient=exports/patient --adapter doctor=exports/doctor
  elara serve --model models/smollm2 --listen 0.0.0.0:443 --tls-cert serve.pem --tls-key serve.key --token-file token`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Model == "" {
				return usageError{fmt.Errorf("expected --model DIR (see %s --help)", cmd.CommandPath())}
			}
			err := a.workerExec(cmd.Context(), append([]string{"serve"}, o.Arguments()...)...)
			if errors.Is(cmd.Context().Err(), context.Canceled) && errors.Is(err, context.Canceled) {
				return nil // it was asked to end, and did
			}
			return err
		},
	}
	o.Declare(command.Flags())
	return command
}
