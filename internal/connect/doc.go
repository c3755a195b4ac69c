// Package connect reaches the two servers that the settings name: Temporal, and the object store. The command and the
// worker go through it, so that a certificate, a key or an address means the same to both. The command and the desk ask and
// tell workflows through it, so that an error of Temporal's has one kind for both.
//
// It promises that Temporal has answered when Dial returns, and that a certificate file that cannot be used is refused
// before anything is dialled, with its name and, where it has one, the line. It refuses a file of authorities of which
// even one does not parse: a trust that is silently smaller than the file says would show as a server that cannot be
// reached.
//
//	server, err := connect.Temporal(ctx, settings.Temporal, client.Options{Logger: connect.Quiet{}})
//	store, err := connect.Store(ctx, settings.S3)
//	pipeline := connect.Workflow{Server: server, ID: "pipeline.winter-2026", Within: 10 * time.Second}
//	status, err := connect.Query[spec.PipelineStatus](ctx, pipeline, workflows.StatusQuery)
package connect
