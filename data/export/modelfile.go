package export

import (
	"strings"

	"elara/spec/fault"
)

// modelfile is Ollama's: the file, and for an audience the template that the model was taught by, its instruction and the
// texts at which an answer is over. Without an audience the chat template inside the GGUF file serves.
func (o Order) modelfile(file string) (string, error) {
	text := "FROM ./" + file + "\n"
	if o.Audience == "" {
		return text, nil
	}
	system, err := o.Template.System(o.Audience)
	if err != nil {
		return "", err
	}
	for _, part := range []string{system, o.Template.Ollama()} {
		if strings.Contains(part, `"""`) {
			return "", fault.New(fault.Invalid, `template %q holds """, which a Modelfile cannot quote`, o.Template.ID)
		}
	}
	text += `TEMPLATE """` + o.Template.Ollama() + "\"\"\"\n" + `SYSTEM """` + system + "\"\"\"\n"
	for _, stop := range o.Template.Stops() {
		text += `PARAMETER stop "` + stop + "\"\n"
	}
	return text, nil
}
