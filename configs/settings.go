package configs

import "strings"

// Settings is how a binary of Elara reaches the world: the same struct for the embedded default, for a cluster and for
// Temporal Cloud. It says nothing about what is trained; that is Pipeline.
type Settings struct {
	Temporal  TemporalSettings
	Queues    QueueSettings
	S3        S3Settings
	CacheDir  string // absolute; may be deleted at any time
	Telemetry TelemetrySettings
	Worker    WorkerSettings
	Notify    NotifySettings
}

// TemporalSettings reaches one Temporal server, cluster or cloud namespace.
type TemporalSettings struct {
	Address   string // host:port
	Namespace string
	TLS       TLSSettings
	APIKey    Secret // sent as a bearer token, with TLS
}

// TLSSettings turns TLS on when Enabled. Paths are absolute.
type TLSSettings struct {
	Enabled    bool
	CertFile   string // client certificate, PEM; empty without mTLS
	KeyFile    string // its key, PEM
	CAFile     string // PEM; empty: the system's roots
	ServerName string // expected in the server's certificate; empty: the host of Address
}

// QueueSettings names the task queues.
type QueueSettings struct {
	Control string // workflows and cheap activities
	Train   string // stem of the queues of device work: the class of device follows it
}

// S3Settings reaches the object store.
type S3Settings struct {
	Endpoint     string // URL; empty: AWS
	Region       string
	Bucket       string
	Prefix       string // put before every key; empty or ending in '/'
	PathStyle    bool   // bucket in the path instead of in the host name
	AccessKey    Secret // both empty: the AWS chain (environment, profile, instance role)
	SecretKey    Secret
	CreateBucket bool // make the bucket when it is missing
}

// TelemetrySettings says where traces, metrics, logs and curves go.
type TelemetrySettings struct {
	OTLPEndpoint   string   // host:port of an OTLP gRPC receiver; empty: no traces are sent
	MetricsAddress string   // host:port of /metrics; empty: no metrics are served
	LogLevel       string   // debug, info, warn, error
	LogFormat      string   // text, json
	LoggingDir     string   // absolute folder of the trainings' curves; empty: none are kept
	ReportTo       []string // tensorboard, wandb; the JSONL series and the report are written in any case
	WandB          WandBSettings
}

// WandBSettings says under which names curves go to W&B. How it is reached, and with which key, says the environment of
// W&B's own client.
type WandBSettings struct {
	Project string // empty: $WANDB_PROJECT, or the guide's
	Entity  string // empty: $WANDB_ENTITY, or the key's own
}

// NotifySettings says how people are told that something asks for one of them. The zero value tells the log alone.
type NotifySettings struct {
	DeskURL string // for links in the messages; empty: none
	Webhook WebhookSettings
	Mail    MailSettings
}

// WebhookSettings is a receiver of Standard Webhooks.
type WebhookSettings struct {
	URL    string // empty: none
	Secret Secret // whsec_ and base64
}

// MailSettings reaches an SMTP server.
type MailSettings struct {
	Server     string // host:port; empty: none
	Sender     string
	Recipients []string
	User       string // empty: the server wants none
	Password   Secret
}

// WorkerSettings says what a worker trains on.
type WorkerSettings struct {
	Device         string // "cpu" or "cuda:N"
	Threads        int    // CPU threads of the engine; 0: all cores
	AdaptersAtOnce int    // trainings that share the device
}

// DeviceClass is the kind of the device: what tells one train queue from another.
func (w WorkerSettings) DeviceClass() string {
	class, _, _ := strings.Cut(w.Device, ":")
	return class
}
