// Package notify tells people that something asks for one of them: a decision, a fall, a collection that stands still. It
// posts a signed JSON to a webhook, sends a mail, or both.
//
// It promises that a message holds names, digests and a link only, that a webhook's receiver can tell a retry by the
// message's ID and a forgery by its signature (Standard Webhooks, version 1), and that what went out one way is not sent that
// way again when another way failed.
//
// It refuses a webhook without a secret, a mail without sender or recipient, and a password over a connection that is not
// encrypted, but for one to this machine.
//
//	notifier, err := notify.New(notify.Options{Webhook: "https://chat.example.org/hook", Secret: "whsec_…"})
//	told, err := notifier.Notify(ctx, spec.Notice{Kind: spec.NoticeApproval, Run: "winter-2026"}, nil)
package notify
