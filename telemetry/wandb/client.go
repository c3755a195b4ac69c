package wandb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"elara/spec/fault"
	"elara/telemetry/series"
)

const (
	requestWithin = 10 * time.Second
	answerLimit   = 1 << 20 // bytes
)

// client speaks to a W&B server as the core of its own client does: GraphQL to make a run, the file stream to fill it.
type client struct {
	server string
	key    Key
	http   *http.Client
}

func newClient(o Options) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	return &client{server: o.server(), key: o.Key, http: &http.Client{Transport: transport, Timeout: requestWithin}}
}

// remote is a run as the server has it.
type remote struct {
	Entity, Project, ID string
	Lines               int   // of its history
	LastStep            int64 // of its history; 0: it has none
}

const resumeQuery = `query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) {
    bucket(name: $name, missingOk: true) { historyLineCount historyTail }
  }
}`

const upsertQuery = `mutation UpsertBucket($name: String, $project: String, $entity: String, $groupName: String,
    $displayName: String, $config: JSONString, $tags: [String!]) {
  upsertBucket(input: {name: $name, modelName: $project, entityName: $entity, groupName: $groupName,
      displayName: $displayName, config: $config, tags: $tags}) {
    bucket { name project { name entity { name } } }
  }
}`

// connect makes the run, or finds it with what earlier attempts sent.
func (c *client) connect(ctx context.Context, run series.Run, o Options) (remote, error) {
	var status struct {
		Model *struct {
			Bucket *struct {
				HistoryLineCount int    `json:"historyLineCount"`
				HistoryTail      string `json:"historyTail"`
			} `json:"bucket"`
		} `json:"model"`
	}
	at := map[string]any{"name": run.ID, "project": run.Project, "entity": orNull(o.Entity)}
	if err := c.graphql(ctx, resumeQuery, at, &status); err != nil {
		return remote{}, err
	}
	r := remote{ID: run.ID}
	if status.Model != nil && status.Model.Bucket != nil {
		last, err := lastStep(status.Model.Bucket.HistoryTail)
		if err != nil {
			return remote{}, err
		}
		r.Lines, r.LastStep = status.Model.Bucket.HistoryLineCount, last
	}

	config := map[string]map[string]json.RawMessage{}
	for _, setting := range run.Config {
		config[setting.Key] = map[string]json.RawMessage{"value": setting.Value}
	}
	encoded, err := json.Marshal(config)
	if err != nil {
		return remote{}, fault.New(fault.Invalid, "configuration for W&B: %w", err)
	}
	at["config"], at["groupName"], at["displayName"], at["tags"] = string(encoded), orNull(run.Group), run.Name, o.Tags
	var made struct {
		UpsertBucket struct {
			Bucket struct {
				Name    string `json:"name"`
				Project struct {
					Name   string `json:"name"`
					Entity struct {
						Name string `json:"name"`
					} `json:"entity"`
				} `json:"project"`
			} `json:"bucket"`
		} `json:"upsertBucket"`
	}
	if err := c.graphql(ctx, upsertQuery, at, &made); err != nil {
		return remote{}, err
	}
	bucket := made.UpsertBucket.Bucket
	r.Entity, r.Project = bucket.Project.Entity.Name, bucket.Project.Name
	if bucket.Name != run.ID || r.Entity == "" || r.Project == "" {
		return remote{}, fault.New(fault.Corrupt, "the answer names no run")
	}
	return r, nil
}

// lastStep reads the newest step of a history's tail: a JSON list of lines that are JSON themselves.
func lastStep(tail string) (int64, error) {
	if tail == "" {
		return 0, nil
	}
	var lines []string
	if err := json.Unmarshal([]byte(tail), &lines); err != nil {
		return 0, fault.New(fault.Corrupt, "history of the run: %w", err)
	}
	var last struct {
		Step int64 `json:"_step"`
	}
	if len(lines) == 0 {
		return 0, nil
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		return 0, fault.New(fault.Corrupt, "history of the run: %w", err)
	}
	return last.Step, nil
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (c *client) graphql(ctx context.Context, query string, variables map[string]any, into any) error {
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if err := c.post(ctx, c.server+"/graphql", map[string]any{"query": query, "variables": variables}, &answer); err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		return fault.New(fault.Invalid, "the server refuses: %.200q", answer.Errors[0].Message)
	}
	if err := json.Unmarshal(answer.Data, into); err != nil {
		return fault.New(fault.Corrupt, "answer of the server: %w", err)
	}
	return nil
}

// chunk is lines of a streamed file, beginning with the line whose number is Offset.
type chunk struct {
	Offset  int      `json:"offset"`
	Content []string `json:"content"`
}

// transmission is what one call of the file stream carries. An empty one says that the run is alive.
type transmission struct {
	Files    map[string]chunk `json:"files,omitempty"`
	Complete *bool            `json:"complete,omitempty"`
	ExitCode *int             `json:"exitcode,omitempty"`
}

// stream sends lines by their number: sending the same again changes nothing.
func (c *client) stream(ctx context.Context, r remote, t transmission) error {
	at := fmt.Sprintf("%s/files/%s/%s/%s/file_stream", c.server, url.PathEscape(r.Entity), url.PathEscape(r.Project), url.PathEscape(r.ID))
	return c.post(ctx, at, t, nil)
}

// post gives Transient errors where trying again may help, and Invalid ones where the server said no.
func (c *client) post(ctx context.Context, to string, body, into any) (err error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode a request: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(encoded))
	if err != nil {
		return fault.New(fault.Invalid, "make a request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "elara")
	request.SetBasicAuth("api", c.key.value)
	response, err := c.http.Do(request)
	if err != nil {
		return fault.New(fault.Transient, "no answer: %w", cause(err))
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	switch {
	case err != nil:
		return fault.New(fault.Transient, "read the answer: %w", err)
	case response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= http.StatusInternalServerError:
		return fault.New(fault.Transient, "the server answers %s", response.Status)
	case response.StatusCode >= http.StatusMultipleChoices:
		return fault.New(fault.Invalid, "the server answers %s", response.Status)
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fault.New(fault.Corrupt, "answer of the server: %w", err)
	}
	return nil
}

// cause takes the URL out of a failed request: who reads the notice knows the server, not its paths.
func cause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
