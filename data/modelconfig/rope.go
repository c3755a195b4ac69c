package modelconfig

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"

	"elara/spec/fault"
)

// Rope says how the rotary frequencies are stretched beyond the positions of pre-training. The zero value leaves them alone.
type Rope struct {
	Type              string  // "", linear, llama3 or yarn
	Factor            float64 // how many times longer texts may be
	OriginalPositions float64 // positions of pre-training; llama3 and yarn

	LowFreqFactor, HighFreqFactor float64 // llama3: wavelengths are kept or stretched by how often they fit the original positions

	AttentionFactor    float64 // yarn: what the rotated queries and keys are multiplied by
	BetaFast, BetaSlow float64 // yarn: turns within the original positions above which a frequency is kept, below which stretched
	Truncate           bool    // yarn: the borders between the two are whole numbers
}

// ropeKeys is the value of rope_scaling (transformers 4) or rope_parameters (5).
type ropeKeys struct {
	RopeType                      string   `json:"rope_type"`
	Type                          string   `json:"type"` // an older name of rope_type
	RopeTheta                     *float64 `json:"rope_theta"`
	PartialRotaryFactor           *float64 `json:"partial_rotary_factor"`
	Factor                        *float64 `json:"factor"`
	OriginalMaxPositionEmbeddings *float64 `json:"original_max_position_embeddings"`
	LowFreqFactor                 *float64 `json:"low_freq_factor"`
	HighFreqFactor                *float64 `json:"high_freq_factor"`
	AttentionFactor               *float64 `json:"attention_factor"`
	BetaFast                      *float64 `json:"beta_fast"`
	BetaSlow                      *float64 `json:"beta_slow"`
	MScale                        *float64 `json:"mscale"`
	MScaleAllDim                  *float64 `json:"mscale_all_dim"`
	Truncate                      *bool    `json:"truncate"`
}

// rope finds the base and the scaling, in transformers' order of precedence: rope_scaling replaces rope_parameters, and a
// rope_theta inside goes before the one outside.
func (w written) rope(file string) (theta float64, _ Rope, _ error) {
	theta = 10000
	if w.RopeTheta != nil {
		theta = *w.RopeTheta
	}
	place, raw := "rope_parameters", w.RopeParameters
	if s := strings.Join(strings.Fields(string(w.RopeScaling)), ""); s != "" && s != "null" && s != "{}" {
		place, raw = "rope_scaling", w.RopeScaling
	}
	var k ropeKeys
	if len(raw) > 0 {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&k); err != nil {
			return 0, Rope{}, fault.At(file, 0, "%s: %s", place, strings.TrimPrefix(err.Error(), "json: "))
		}
	}
	if k.RopeTheta != nil {
		theta = *k.RopeTheta
	}
	for _, share := range []*float64{w.PartialRotaryFactor, k.PartialRotaryFactor} {
		if share != nil && *share != 1 {
			return 0, Rope{}, fault.At(file, 0, "partial_rotary_factor %v is not supported, expected 1", *share)
		}
	}
	if w.OriginalMaxPositionEmbeddings != nil {
		k.OriginalMaxPositionEmbeddings = w.OriginalMaxPositionEmbeddings
	}
	r, err := k.scaling(file, place, float64(w.MaxPositionEmbeddings))
	return theta, r, err
}

func (k ropeKeys) scaling(file, place string, positions float64) (Rope, error) {
	kind := k.RopeType
	if kind == "" {
		kind = k.Type
	}
	if kind == "" || kind == "default" {
		return Rope{}, nil
	}
	or := func(value *float64, absent float64) float64 {
		if value == nil {
			return absent
		}
		return *value
	}
	r := Rope{Type: kind, Factor: or(k.Factor, 0)}
	needed := []struct {
		name  string
		value float64
	}{{"factor", r.Factor}}
	switch kind {
	case "linear":
	case "llama3":
		r.OriginalPositions = or(k.OriginalMaxPositionEmbeddings, positions)
		r.LowFreqFactor, r.HighFreqFactor = or(k.LowFreqFactor, 0), or(k.HighFreqFactor, 0)
		needed = append(needed, []struct {
			name  string
			value float64
		}{{"low_freq_factor", r.LowFreqFactor}, {"high_freq_factor", r.HighFreqFactor}, {"original_max_position_embeddings", r.OriginalPositions}}...)
		if r.HighFreqFactor > 0 && r.HighFreqFactor <= r.LowFreqFactor {
			return r, fault.At(file, 0, "%s: high_freq_factor is %v, expected more than low_freq_factor, %v", place, r.HighFreqFactor, r.LowFreqFactor)
		}
	case "yarn":
		r.OriginalPositions = or(k.OriginalMaxPositionEmbeddings, positions)
		r.BetaFast, r.BetaSlow = or(k.BetaFast, 32), or(k.BetaSlow, 1)
		r.Truncate = k.Truncate == nil || *k.Truncate
		r.AttentionFactor = k.attention(r.Factor)
		needed = append(needed, []struct {
			name  string
			value float64
		}{{"original_max_position_embeddings", r.OriginalPositions}, {"attention_factor", r.AttentionFactor}, {"beta_fast", r.BetaFast}, {"beta_slow", r.BetaSlow}}...)
	default:
		return r, fault.At(file, 0, "%s: rope type %q is not supported, expected default, linear, llama3 or yarn", place, kind)
	}
	for _, n := range needed {
		if !(n.value > 0) || math.IsInf(n.value, 0) {
			return r, fault.At(file, 0, "%s: rope type %q needs %s, expected a positive number, found %v", place, kind, n.name, n.value)
		}
	}
	return r, nil
}

// attention is YaRN's factor on queries and keys (arXiv 2309.00071, eq. 22), which a file may give in three ways.
func (k ropeKeys) attention(factor float64) float64 {
	if k.AttentionFactor != nil {
		return *k.AttentionFactor
	}
	scale := func(m float64) float64 {
		if factor <= 1 {
			return 1
		}
		return 0.1*m*math.Log(factor) + 1
	}
	if k.MScale != nil && k.MScaleAllDim != nil && *k.MScale != 0 && *k.MScaleAllDim != 0 {
		return scale(*k.MScale) / scale(*k.MScaleAllDim)
	}
	return scale(1)
}

// numbers is the scaling as rope_scaling holds it, or nil where there is none.
func (r Rope) numbers() map[string]any {
	switch r.Type {
	case "linear":
		return map[string]any{"rope_type": r.Type, "factor": r.Factor}
	case "llama3":
		return map[string]any{
			"rope_type": r.Type, "factor": r.Factor, "low_freq_factor": r.LowFreqFactor, "high_freq_factor": r.HighFreqFactor,
			"original_max_position_embeddings": int64(r.OriginalPositions),
		}
	case "yarn":
		return map[string]any{
			"rope_type": r.Type, "factor": r.Factor, "original_max_position_embeddings": int64(r.OriginalPositions),
			"attention_factor": r.AttentionFactor, "beta_fast": r.BetaFast, "beta_slow": r.BetaSlow, "truncate": r.Truncate,
		}
	}
	return nil
}

// Frequencies are the angles of one position, theta^(-2i/width) stretched by the scaling, and the factor on cosine and sine.
// All of it is float32 arithmetic in transformers' order of operations: a float64 detour changes the angles of far positions.
func (r Rope) Frequencies(theta float64, width int64) ([]float32, float32) {
	out, attention := make([]float32, width/2), float32(1)
	power := func(i int) float32 { return float32(math.Pow(theta, float64(float32(2*i)/float32(width)))) }
	for i := range out {
		out[i] = 1 / power(i)
	}
	factor := float32(r.Factor)
	switch r.Type {
	case "linear":
		for i := range out {
			out[i] /= factor
		}
	case "llama3":
		for i, f := range out {
			out[i] = r.llama3(f)
		}
	case "yarn":
		attention = float32(r.AttentionFactor)
		low, high := r.borders(theta, width)
		for i := range out {
			kept := 1 - ramp(float32(i), float32(low), float32(high))
			out[i] = 1/(factor*power(i))*(1-kept) + out[i]*kept
		}
	}
	return out, attention
}

// llama3 keeps frequencies that turn often within the original positions, stretches those that turn seldom, and blends
// between.
func (r Rope) llama3(f float32) float32 {
	wavelength := float32(2*math.Pi) / f
	switch {
	case wavelength > float32(r.OriginalPositions/r.LowFreqFactor):
		return f / float32(r.Factor)
	case wavelength < float32(r.OriginalPositions/r.HighFreqFactor):
		return f
	}
	smooth := (float32(r.OriginalPositions)/wavelength - float32(r.LowFreqFactor)) / float32(r.HighFreqFactor-r.LowFreqFactor)
	return (1-smooth)*f/float32(r.Factor) + smooth*f
}

// borders are the dimensions between which YaRN blends (arXiv 2309.00071, eq. 17 and 18).
func (r Rope) borders(theta float64, width int64) (low, high float64) {
	dimension := func(turns float64) float64 {
		return float64(width) * math.Log(r.OriginalPositions/(turns*2*math.Pi)) / (2 * math.Log(theta))
	}
	low, high = dimension(r.BetaFast), dimension(r.BetaSlow)
	if r.Truncate {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(width-1))
	if low == high {
		high += 0.001 // transformers' guard against a division by zero
	}
	return low, high
}

// ramp rises from 0 at low to 1 at high.
func ramp(at, low, high float32) float32 { return min(max((at-low)/(high-low), 0), 1) }
