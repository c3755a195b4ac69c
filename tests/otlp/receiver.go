package otlp

import (
	"context"
	"encoding/hex"
	"net"
	"sync"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
)

// Span is what a proof reads of a received span.
type Span struct {
	Trace, ID, Parent string // hexadecimal; Parent is empty at the root
	Name, Service     string
	Attributes        map[string]string // those that are text
}

// Receiver is a running endpoint.
type Receiver struct {
	collector.UnimplementedTraceServiceServer
	Address string // host:port

	server *grpc.Server
	served chan error
	mu     sync.Mutex
	spans  []Span
}

// Start listens on a free port of the loopback.
func Start(ctx context.Context) (*Receiver, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Receiver{server: grpc.NewServer(), Address: listener.Addr().String(), served: make(chan error, 1)}
	collector.RegisterTraceServiceServer(r.server, r)
	go func() { r.served <- r.server.Serve(listener) }()
	return r, nil
}

// Export is called by the exporters.
func (r *Receiver) Export(_ context.Context, request *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		service := ""
		for _, attribute := range resource.GetResource().GetAttributes() {
			if attribute.GetKey() == "service.name" {
				service = attribute.GetValue().GetStringValue()
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				attributes := map[string]string{}
				for _, attribute := range s.GetAttributes() {
					attributes[attribute.GetKey()] = attribute.GetValue().GetStringValue()
				}
				r.spans = append(r.spans, Span{
					Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
					Name: s.GetName(), Service: service, Attributes: attributes,
				})
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// Stop ends the endpoint and gives everything it got, in the order of arrival.
func (r *Receiver) Stop() ([]Span, error) {
	r.server.GracefulStop()
	err := <-r.served
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.spans, err
}
