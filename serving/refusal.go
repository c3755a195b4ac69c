package serving

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// refusal is an error in OpenAI's form.
type refusal struct {
	status  int
	sent    bool    // at the end of a stream that had begun
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// wrong refuses a field of a request.
func wrong(param, format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...), Type: "invalid_request_error", Param: &param}
}

func (r *refusal) coded(code string) *refusal {
	r.Code = &code
	return r
}

func (r *refusal) as(status int, kind string) *refusal {
	r.status, r.Type, r.Param = status, kind, nil
	return r
}

// body is the whole answer.
func (r *refusal) body() any {
	return struct {
		Error *refusal `json:"error"`
	}{r}
}

func (r *refusal) write(w http.ResponseWriter) {
	if r.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, r.status, r.body())
}

// writeJSON answers. A client that is gone cannot be told.
func writeJSON(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}
