package configs

import (
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
)

// settingsReader fills Settings.
type settingsReader struct {
	settings    Settings
	secretFiles []secretFile
}

// secretFile is a secret and the file that may hold it.
type secretFile struct {
	path  string // of the key, dotted
	value *Secret
	file  *string
}

// keys is the table of a settings file.
func (r *settingsReader) keys() *section {
	s := &r.settings
	return &section{keys: []key{
		block("temporal", &section{keys: append([]key{
			text("address", &s.Temporal.Address, "127.0.0.1:7233", address(), "The frontend."),
			text("namespace", &s.Temporal.Namespace, "elara", namespace(), "Namespace."),
			block("tls", &section{keys: []key{
				boolean("enabled", &s.Temporal.TLS.Enabled, false, "Speak TLS. Any other key of this block, or an API key, turns it on too."),
				path("cert_file", &s.Temporal.TLS.CertFile, "", "Client certificate for mTLS, PEM."),
				path("key_file", &s.Temporal.TLS.KeyFile, "", "Key of the client certificate, PEM."),
				path("ca_file", &s.Temporal.TLS.CAFile, "", "Certificates the server is checked against, PEM.").showDefault("the system's"),
				text("server_name", &s.Temporal.TLS.ServerName, "", form{}, "Name expected in the server's certificate.").showDefault("the host of address"),
			}}, "TLS and mTLS."),
		}, r.secret("temporal", "api_key", &s.Temporal.APIKey, "API key, as Temporal Cloud gives it.")...)}, "The Temporal server."),
		block("queues", &section{keys: []key{
			text("control", &s.Queues.Control, "elara", queue(), "Task queue of workflows and cheap activities."),
			text("train", &s.Queues.Train, "elara-train", queue(), "Stem of the task queues of device work; the class of device follows it: elara-train-cpu, elara-train-cuda."),
		}}, "Task queues."),
		block("s3", &section{keys: append([]key{
			text("endpoint", &s.S3.Endpoint, "", endpoint(), "The S3 server.").showDefault("AWS"),
			text("region", &s.S3.Region, "us-east-1", form{}, "Region."),
			text("bucket", &s.S3.Bucket, "elara", bucket(), "Bucket."),
			text("prefix", &s.S3.Prefix, "", prefix(), "Put before every key."),
			boolean("path_style", &s.S3.PathStyle, false, "Name the bucket in the path instead of in the host name."),
			boolean("create_bucket", &s.S3.CreateBucket, false, "Make the bucket when it is missing."),
		}, append(r.secret("s3", "access_key", &s.S3.AccessKey, "Access key. Without it and secret_key: the AWS chain (variables, profile, instance role)."),
			r.secret("s3", "secret_key", &s.S3.SecretKey, "Secret key.")...)...)}, "The object store. It must honour conditional writes."),
		path("cache_dir", &s.CacheDir, "", "Folder for what can be fetched again.").showDefault("elara in the user's cache folder"),
		block("telemetry", &section{keys: []key{
			text("otlp_endpoint", &s.Telemetry.OTLPEndpoint, "", receiver(), "OTLP gRPC receiver for traces: in clear text, or over TLS with https://.").showDefault("none"),
			text("metrics_address", &s.Telemetry.MetricsAddress, "127.0.0.1:9464", address(), "Where /metrics is served."),
			choice("log_level", &s.Telemetry.LogLevel, "info", []string{"debug", "info", "warn", "error"}, "Least level that is logged."),
			choice("log_format", &s.Telemetry.LogFormat, "text", []string{"text", "json"}, "Form of the log."),
			path("logging_dir", &s.Telemetry.LoggingDir, "", "Folder for the curves of the trainings, one below it per run. It lasts: restarts go on from it. See docs/monitoring.md.").showDefault("none; curves in the state folder for elara up and elara demo"),
			texts("report_to", &s.Telemetry.ReportTo, "a list of tensorboard and wandb", curveSink(), "Where curves go beside the JSONL series and the HTML report in logging_dir."),
			block("wandb", &section{keys: []key{
				text("project", &s.Telemetry.WandB.Project, "", form{}, "Project at W&B.").showDefault("$WANDB_PROJECT, else elara-medical-lora"),
				text("entity", &s.Telemetry.WandB.Entity, "", form{}, "User or team at W&B.").showDefault("$WANDB_ENTITY, else the key's own"),
			}}, "Names at W&B; key and server come from the variables of its own client, such as WANDB_API_KEY."),
		}}, "Traces, metrics, logs and curves."),
		block("worker", &section{keys: []key{
			text("device", &s.Worker.Device, "cpu", device(), "Where the engine computes; cuda:0 is the first GPU."),
			integer("threads", &s.Worker.Threads, 0, 0, 1024, "CPU threads of the engine; 0: all cores."),
			integer("adapters_at_once", &s.Worker.AdaptersAtOnce, 4, 1, 1024, "Trainings that share the device and one base model, step by step. Each takes memory for its own weights and moments only."),
		}}, "The worker."),
		block("notify", &section{keys: []key{
			text("desk_url", &s.Notify.DeskURL, "", endpoint(), "Where people reach the desk, for links in the messages.").showDefault("no links"),
			block("webhook", &section{keys: append([]key{
				text("url", &s.Notify.Webhook.URL, "", endpoint(), "Receiver of signed JSON (Standard Webhooks).").showDefault("none"),
			}, r.secret("notify.webhook", "secret", &s.Notify.Webhook.Secret, "Key of the signature: whsec_ and base64 of 24 to 64 bytes.")...)}, "A webhook."),
			block("mail", &section{keys: append([]key{
				text("server", &s.Notify.Mail.Server, "", address(), "SMTP server; STARTTLS where it offers it.").showDefault("none"),
				text("sender", &s.Notify.Mail.Sender, "", mailAddress(), "Who the mails are from.").showDefault("none"),
				texts("recipients", &s.Notify.Mail.Recipients, "a list of addresses", mailAddress(), "Who gets them."),
				text("user", &s.Notify.Mail.User, "", form{}, "Name at the SMTP server; it and the password travel encrypted only.").showDefault("none"),
			}, r.secret("notify.mail", "password", &s.Notify.Mail.Password, "Password at the SMTP server.")...)}, "Mail."),
		}}, "Who is told, by the workers of the control queue, that something asks for a person. See docs/releases.md."),
	}}
}

// secret gives the keys of a secret and of its file.
func (r *settingsReader) secret(block, name string, target *Secret, help string) []key {
	value, file, filePath := secret(name, target, help)
	r.secretFiles = append(r.secretFiles, secretFile{path: block + "." + name, value: target, file: filePath})
	return []key{value, file}
}

func address() form { return form{expected: "host:port", fits: isAddress} }

func isAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	n, convErr := strconv.ParseUint(port, 10, 16)
	return err == nil && convErr == nil && host != "" && n != 0
}

func receiver() form {
	return form{expected: "host:port or https://host:port", fits: func(text string) bool {
		return isAddress(strings.TrimPrefix(text, "https://"))
	}}
}

func curveSink() form {
	return pattern(`^(tensorboard|wandb)$`, "tensorboard or wandb")
}

func endpoint() form {
	return form{expected: "an http:// or https:// URL of a host, without user and query", fits: func(text string) bool {
		u, err := url.Parse(text)
		return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == ""
	}}
}

func bucket() form {
	return pattern(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`, "3-63 of a-z, 0-9, '-' and '.'")
}

func prefix() form {
	return pattern(`^([A-Za-z0-9_-][A-Za-z0-9._-]*/)+$`, "folders of A-Z, a-z, 0-9, '.', '_' and '-', each ending in '/'")
}

func namespace() form {
	return pattern(`^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$`, "2-255 of A-Z, a-z, 0-9, '.', '_' and '-'")
}

func queue() form {
	return pattern(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$`, "1-200 of A-Z, a-z, 0-9, '.', '_', '/' and '-'")
}

func mailAddress() form {
	return form{expected: "name@host", fits: func(text string) bool {
		parsed, err := mail.ParseAddress(text)
		return err == nil && parsed.Address == text
	}}
}

func device() form { return pattern(`^(cpu|cuda:([0-9]|[1-9][0-9]))$`, "cpu or cuda:N") }
