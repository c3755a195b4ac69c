package instruct

import (
	"crypto/sha256"
	"strings"

	"elara/spec"
)

// AssistantMarker stands before the answer, in every template.
const AssistantMarker = "<|assistant|>\n"

// Template says how question and answer become one text.
type Template struct {
	ID string // for people; Hash is the identity

	system    string
	additions map[spec.Audience]string // appended to system
}

// Guide is the template of the guide. It has an addition for doctors and for patients; general and emergency
// get the base instruction alone.
func Guide() Template {
	return Template{
		ID: "elara-guide",
		system: "You are Elara, a professional medical AI assistant trained to provide accurate, evidence-based information. " +
			"Answer with compassion and clarity.",
		additions: map[spec.Audience]string{
			spec.Doctor:  " You are communicating with a medical professional, so use appropriate technical terminology.",
			spec.Patient: " You are communicating with a patient, so use patient-friendly language and avoid excessive medical jargon.",
		},
	}
}

// Prompt is the part of the text that stands before the answer, up to and with AssistantMarker.
func (t Template) Prompt(question string, audience spec.Audience) (string, error) {
	return t.Text(question, "", audience)
}

// System is the instruction for an audience that stands at the beginning of every text.
func (t Template) System(audience spec.Audience) (string, error) {
	if err := audience.Check(); err != nil {
		return "", err
	}
	return t.system + t.additions[audience], nil
}

// Text is the whole training text. It ends with the answer; the guide's form has no end mark.
func (t Template) Text(question, answer string, audience spec.Audience) (string, error) {
	system, err := t.System(audience)
	if err != nil {
		return "", err
	}
	return systemMarker + "\n" + system + "\n" + userMarker + "\n" + question + "\n" + AssistantMarker + answer, nil
}

// Split gives question and answer of a training text back; false where it has not a template's form.
func Split(text string) (question, answer string, found bool) {
	_, rest, hasUser := strings.Cut(text, "\n"+userMarker+"\n")
	question, answer, hasAnswer := strings.Cut(rest, "\n"+AssistantMarker)
	return question, answer, hasUser && hasAnswer
}

// Hash is the SHA-256 of the template's canonical form: for each audience in spec's order its name, a line end,
// the text of the question "{question}" and the answer "{answer}", and a NUL.
func (t Template) Hash() (spec.Digest, error) {
	var form strings.Builder
	for _, audience := range spec.Audiences() {
		text, err := t.Text("{question}", "{answer}", audience)
		if err != nil {
			return "", err
		}
		form.WriteString(string(audience) + "\n" + text + "\x00")
	}
	return spec.DigestOf(sha256.Sum256([]byte(form.String()))), nil
}
