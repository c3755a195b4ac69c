package main

import (
	"elara/activities"
	"elara/configs"
	"elara/telemetry/notify"
)

// openNotifier makes what tells people, or nil where nobody is named.
func openNotifier(settings configs.NotifySettings) (activities.Notifier, error) {
	mail := settings.Mail
	notifier, err := notify.New(notify.Options{
		Desk: settings.DeskURL, Webhook: settings.Webhook.URL, Secret: settings.Webhook.Secret.Reveal(),
		MailServer: mail.Server, Sender: mail.Sender, Recipients: mail.Recipients, User: mail.User, Password: mail.Password.Reveal(),
	})
	if notifier == nil {
		return nil, err // an interface without a value in it
	}
	return notifier, err
}
