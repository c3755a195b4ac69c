package tokenizer

import (
	"encoding/json"
	"fmt"

	"elara/spec/fault"
)

// preset is the components of tokenizer.json for files that carry a vocabulary and merges only.
type preset struct {
	normalizer, preTokenizer string
	ignoreMerges             bool
}

const byteLevelComponent = `{"type":"ByteLevel","add_prefix_space":%t,"trim_offsets":true,"use_regex":%t}`

func presetGPT2(prefixSpace bool) preset {
	return preset{normalizer: "null", preTokenizer: fmt.Sprintf(byteLevelComponent, prefixSpace, true)}
}

func presetSmolLM() preset {
	return preset{normalizer: "null", preTokenizer: `{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},` +
		fmt.Sprintf(byteLevelComponent, false, true) + `]}`}
}

func presetLlama3() preset {
	return preset{normalizer: "null", preTokenizer: splitComponent(patternLlama3), ignoreMerges: true}
}

func presetQwen2() preset {
	return preset{normalizer: `{"type":"NFC"}`, preTokenizer: splitComponent(patternQwen2)}
}

func splitComponent(pattern string) string {
	return fmt.Sprintf(`{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":%s},"behavior":"Isolated","invert":false},`+
		byteLevelComponent+`]}`, quoteJSON(pattern), false, false)
}

// apply gives the source the preset's components.
func (p preset) apply(s *source) error {
	s.document.Version = "1.0"
	s.document.Truncation, s.document.Padding = json.RawMessage("null"), json.RawMessage("null")
	s.document.Normalizer = json.RawMessage(p.normalizer)
	s.document.PreTokenizer = json.RawMessage(p.preTokenizer)
	s.document.Decoder = json.RawMessage(fmt.Sprintf(byteLevelComponent, true, true))
	if s.document.PostProcessor == nil {
		s.document.PostProcessor = json.RawMessage("null")
	}
	s.ignoreMerges = p.ignoreMerges
	if err := s.readComponents(); err != nil {
		return fault.At(s.place, 0, "%w", err)
	}
	return nil
}
