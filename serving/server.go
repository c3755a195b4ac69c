package serving

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"elara/data/instruct"
	"elara/spec"
	"elara/spec/fault"
	"elara/telemetry"
)

// Config is what a server answers with.
type Config struct {
	Models    []Model // the first is the one without an adapter
	Template  instruct.Template
	Tokenizer Tokenizer
	Generator Generator
	Window    int // tokens of a prompt and its answer together

	// 0 of these: the default of their flags.
	MaxNewTokens int           // of a request that names no bound
	Requests     int           // answered or waiting at once; more are refused
	Timeout      time.Duration // of a request, waiting included

	Token       string // what callers show; empty: none is asked for
	Host        string // name that callers use, or listen.Loopback; empty: any
	Instruments *telemetry.ServeInstruments
	Metrics     http.Handler // of GET /metrics; nil: there is none
	Logger      *slog.Logger // nil: what fails inside is not told
}

// Server answers chats.
type Server struct {
	Config
	models   map[string]Model
	template spec.Digest
	started  time.Time
	places   chan struct{}
}

// New checks a configuration.
func New(c Config) (*Server, error) {
	c.MaxNewTokens = cmp.Or(c.MaxNewTokens, defaultMaxNewTokens)
	c.Requests = cmp.Or(c.Requests, defaultRequests)
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	template, err := c.Template.Hash()
	if err != nil {
		return nil, err
	}
	s := &Server{Config: c, models: map[string]Model{}, template: template, started: time.Now(), places: make(chan struct{}, c.Requests)}
	for _, m := range c.Models {
		if _, twice := s.models[m.Name]; twice {
			return nil, fault.New(fault.Invalid, "two models have the name %s, expected one", m.Name)
		}
		s.models[m.Name] = m
	}
	return s, nil
}

// Handler gives the server's pages.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", s.chat)
	mux.HandleFunc("GET /v1/models", s.list)
	mux.HandleFunc("GET /v1/models/{name}", s.show)
	if s.Metrics != nil {
		mux.Handle("GET /metrics", s.Metrics)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		wrong("", "no such address: %s %.100s", r.Method, r.URL.Path).as(http.StatusNotFound, "invalid_request_error").write(w)
	})
	open := http.NewServeMux()
	open.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	open.Handle("/", s.guarded(mux))
	return open
}

// ListedModel is a model in GET /v1/models: OpenAI's form, and what makes an answer what it is.
type ListedModel struct {
	ID       string        `json:"id"`
	Object   string        `json:"object"` // "model"
	Created  int64         `json:"created"`
	OwnedBy  string        `json:"owned_by"`
	Audience spec.Audience `json:"audience,omitempty"` // for whom it answers; absent: for whom the request says
	Template spec.Digest   `json:"template"`           // by which it is asked
	Recorded bool          `json:"template_recorded"`  // its own record names that template
	Digest   spec.Digest   `json:"digest"`             // of its weights
	Window   int           `json:"context_window"`
}

func (s *Server) listed(m Model) ListedModel {
	return ListedModel{
		ID: m.Name, Object: "model", Created: s.started.Unix(), OwnedBy: "elara", Audience: m.Audience,
		Template: s.template, Recorded: m.Template != "", Digest: m.Digest, Window: s.Window,
	}
}

func (s *Server) list(w http.ResponseWriter, _ *http.Request) {
	all := struct {
		Object string        `json:"object"`
		Data   []ListedModel `json:"data"`
	}{Object: "list"}
	for _, m := range s.Models {
		all.Data = append(all.Data, s.listed(m))
	}
	writeJSON(w, http.StatusOK, all)
}

func (s *Server) show(w http.ResponseWriter, r *http.Request) {
	m, found := s.models[r.PathValue("name")]
	if !found {
		s.unknown(r.PathValue("name")).write(w)
		return
	}
	writeJSON(w, http.StatusOK, s.listed(m))
}

func (s *Server) unknown(name string) *refusal {
	refused := wrong("model", "model %.100q does not exist, expected one of: %s", name, names(s.Models)).coded("model_not_found")
	refused.status = http.StatusNotFound
	return refused
}

// take reserves a place for a request, and gives false where there is none.
func (s *Server) take(ctx context.Context) bool {
	select {
	case s.places <- struct{}{}:
		s.Instruments.Running(ctx, 1)
		return true
	default:
		return false
	}
}

func (s *Server) leave(ctx context.Context) {
	<-s.places
	s.Instruments.Running(ctx, -1)
}
