package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"elara/desk"
	"elara/desk/access"
	"elara/desk/audit"
	"elara/spec/fault"
	"elara/starter/terminal"
	"elara/storage"
)

func newDeskToken(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "token",
		Short: "Let people in, and shut them out again",
		Long: `A token is a reviewer's key to the desk. The store keeps its salted hash, so that it is
shown once; who has lost it gets another one. A revoked token opens nothing from that
moment on, and ends the sessions that it began.`,
		Example: `  elara desk token add --reviewer "Person A" --role approver
  elara desk token list
  elara desk token revoke 5be1c0a97d42`,
	}, newDeskTokenAdd(a), newDeskTokenList(a), newDeskTokenRevoke(a))
}

// withBook opens the list of tokens, and writes down what becomes of an act on it.
func (a *app) withBook(cmd *cobra.Command, act audit.Entry, use func(context.Context, *access.Book) error) error {
	return a.withStore(cmd, func(ctx context.Context, store storage.Store) (err error) {
		folder, err := a.deskFolder()
		if err != nil {
			return err
		}
		log, err := desk.OpenAudit(folder)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, log.Close()) }()
		lost, err := log.Act(act, func() (bool, error) { return false, use(ctx, access.NewBook(store)) })
		return errors.Join(err, lost)
	})
}

func newDeskTokenAdd(a *app) *cobra.Command {
	var reviewer, role string
	command := &cobra.Command{
		Use:   "add --reviewer NAME",
		Short: "Make a token for a reviewer; it is shown once",
		Example: `  elara desk token add --reviewer "Person A"
  elara desk token add --reviewer "Person B" --role approver`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if reviewer == "" {
				return fault.New(fault.Invalid, "expected --reviewer NAME: whose token it is")
			}
			act := audit.Entry{What: audit.AddToken, Who: reviewer, Said: role}
			return a.withBook(cmd, act, func(ctx context.Context, book *access.Book) error {
				token, err := book.Add(ctx, reviewer, access.Role(role))
				if err != nil {
					return err
				}
				a.say("the token of %s (%s), shown this once:", reviewer, role)
				_, err = fmt.Fprintln(a.out, token)
				return err
			})
		},
	}
	command.Flags().StringVar(&reviewer, "reviewer", "", "name under which judgements and decisions count")
	command.Flags().StringVar(&role, "role", string(access.Judge), "judge, or approver, who may also decide on candidates")
	return command
}

func newDeskTokenList(a *app) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:     "list",
		Short:   "List the tokens, without what opens the desk",
		Example: "  elara desk token list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd, func(ctx context.Context, store storage.Store) error {
				tokens, err := access.NewBook(store).Tokens(ctx)
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(tokens)
				}
				table := terminal.Table{Header: []string{"token", "reviewer", "role", "made (UTC)", "revoked (UTC)"}}
				for _, t := range tokens {
					revoked := ""
					if !t.Revoked.IsZero() {
						revoked = terminal.Moment(t.Revoked)
					}
					table.Rows = append(table.Rows, []string{t.ID, t.Reviewer, string(t.Role), terminal.Moment(t.Created), revoked})
				}
				_, err = fmt.Fprint(a.out, table)
				return err
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print data")
	return command
}

func newDeskTokenRevoke(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke TOKEN",
		Short:   "Shut out whoever holds a token, at once",
		Example: "  elara desk token revoke 5be1c0a97d42",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBook(cmd, audit.Entry{What: audit.RevokeToken, On: args[0]}, func(ctx context.Context, book *access.Book) error {
				if err := book.Revoke(ctx, args[0]); err != nil {
					return err
				}
				a.say("token %s is revoked", args[0])
				return nil
			})
		},
	}
}
