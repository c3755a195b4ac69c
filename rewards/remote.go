package rewards

import (
	"context"
	"encoding/json"

	"elara/rewards/endpoint"
	"elara/spec"
	"elara/spec/fault"
)

// remote is a scorer behind HTTP: a POST of {"answers": [{"prompt", "answer"}]} is answered by {"scores": [...]}.
type remote struct{ at endpoint.Endpoint }

// maxReply is the longest reply that is read, in bytes.
const maxReply = 16 << 20

func newRemote(c spec.Scorer) (*remote, error) {
	each, err := timeout(c)
	return &remote{endpoint.Endpoint{URL: c.URL, Timeout: each, Retries: c.Retries, MaxReply: maxReply}}, err
}

// Score implements Scorer.
func (r *remote) Score(ctx context.Context, answers []Answer) ([]float64, error) {
	text, err := r.at.Post(ctx, map[string]any{"answers": answers})
	if err != nil {
		return nil, err
	}
	var answered struct {
		Scores []*float64 `json:"scores"`
	}
	if err := json.Unmarshal(text, &answered); err != nil {
		return nil, fault.New(fault.Invalid, `%s answers something else than {"scores": [...]}`, r.at.URL)
	}
	var scores []float64
	for i, score := range answered.Scores {
		if score == nil { // how JSON writes NaN, where it writes it at all
			return nil, fault.New(fault.Diverged, "the score of answer %d is null", i+1)
		}
		scores = append(scores, *score)
	}
	return scores, nil
}
