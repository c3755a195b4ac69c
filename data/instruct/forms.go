package instruct

import (
	"encoding/json"
	"strings"

	"elara/spec"
)

// Stops are the texts at which an answer is over, for programs that know no end token of the model's: the beginnings of
// other turns.
func (t Template) Stops() []string {
	return []string{systemMarker, userMarker, strings.TrimSpace(AssistantMarker)}
}

// Jinja is Conversation as a chat template of transformers and llama.cpp. bos puts the beginning-of-text token first, which
// chat templates do for tokenizers that add it to plain text.
func (t Template) Jinja(audience spec.Audience, bos bool) (string, error) {
	system, err := t.System(audience)
	if err != nil {
		return "", err
	}
	quoted, err := json.Marshal(system) // Jinja reads JSON's strings
	if err != nil {
		return "", err
	}
	first := ""
	if bos {
		first = "{{- bos_token -}}\n"
	}
	return first + `{%- if messages[0]['role'] == 'system' -%}
{%- set system = messages[0]['content'] -%}
{%- set turns = messages[1:] -%}
{%- else -%}
{%- set system = ` + string(quoted) + ` -%}
{%- set turns = messages -%}
{%- endif -%}
{{- '` + systemMarker + `\n' + system -}}
{%- for message in turns -%}
{%- if message['role'] != ('user' if loop.index0 % 2 == 0 else 'assistant') -%}
{{- raise_exception('expected user and assistant in turns') -}}
{%- endif -%}
{{- '\n<|' + message['role'] + '|>\n' + message['content'] -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '\n` + strings.TrimSpace(AssistantMarker) + `\n' -}}
{%- endif -%}
`, nil
}

// Ollama is Conversation as the TEMPLATE of a Modelfile, a template of Go's over .Messages. The audience's text is the
// Modelfile's SYSTEM, which Ollama puts before the messages.
func (t Template) Ollama() string {
	return `{{- range $i, $m := .Messages }}{{ if gt $i 0 }}
{{ end }}<|{{ $m.Role }}|>
{{ $m.Content }}{{ if and (eq (len (slice $.Messages $i)) 1) (ne $m.Role "assistant") }}
` + AssistantMarker + `{{ end }}{{ end }}`
}
