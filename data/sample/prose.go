package sample

import (
	"fmt"
	"strings"

	"elara/spec/fault"
)

// proseFrames are several ways to write the same passage; each condition gets one.
type proseFrames struct {
	Variants []string `yaml:"variants"`
}

// notice heads the texts.
const notice = "Illustrative text for software tests and demonstrations. It is no medical advice.\n"

// guidelineText is one numbered guideline per condition.
func guidelineText(conditions []Condition, seed uint64) ([]byte, error) {
	return passages("Guidelines", "frames/prose/guideline.yaml", conditions, seed)
}

// textbookText is a few paragraphs per condition, in a chapter per body system.
func textbookText(conditions []Condition, seed uint64) ([]byte, error) {
	return passages("Textbook", "frames/prose/textbook.yaml", conditions, seed)
}

// passages writes one passage per condition under the heads of the body systems.
func passages(title, name string, conditions []Condition, seed uint64) ([]byte, error) {
	var frames proseFrames
	if err := decodeStrict(frameFiles, name, &frames); err != nil {
		return nil, err
	}
	if len(frames.Variants) == 0 {
		return nil, fault.At(name, 0, `expected at least one entry under "variants"`)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\n%s", title, notice)
	system := ""
	for i := range conditions {
		condition := &conditions[i]
		if condition.System != system {
			system = condition.System
			fmt.Fprintf(&text, "\n\nChapter: %s\n", system)
		}
		draw := newStream(seed, condition.ID, title)
		passage, err := condition.slots(draw, 0).fill(frames.Variants[draw.below(len(condition.Signs), len(frames.Variants))])
		if err != nil {
			return nil, fmt.Errorf("render %s for condition %q: %w", name, condition.ID, err)
		}
		text.WriteString("\n" + passage)
	}
	return []byte(text.String()), nil
}
