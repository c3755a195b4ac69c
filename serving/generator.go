package serving

import "context"

// Generator continues texts. Its method is called from many goroutines at once.
type Generator interface {
	// Generate hands out each token as it is chosen, and gives the reason of the end. An error of each, or the end of ctx, ends
	// the text; tokens that come while each is busy are kept for it.
	Generate(ctx context.Context, r Generation, each func(id int32) error) (FinishReason, error)
}

// Generation is a prompt that a model is to continue.
type Generation struct {
	Model        string // name of the adapter, or Base
	Prompt       []int32
	MaxNewTokens int
	Temperature  float64 // 0: the most probable token
	TopP         float64
	Seed         uint64
}

// FinishReason is why an answer has ended, in OpenAI's words.
type FinishReason string

// The reasons.
const (
	FinishStop   FinishReason = "stop"   // the end-of-text token, or one of the request's stops
	FinishLength FinishReason = "length" // the request's bound
)

// Tokenizer is data/tokenizer's, as far as a chat needs it.
type Tokenizer interface {
	EncodeWithSpecial(text string) []int32
	Decode(ids []int32, skipSpecial bool) string
}
