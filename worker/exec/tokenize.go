package exec

import (
	"github.com/spf13/cobra"

	"elara/data/source"
	"elara/data/tokenizer"
)

func tokenizeCommand() *cobra.Command {
	var model, in, out string
	c := &cobra.Command{
		Use:     "tokenize --tokenizer tokenizer.json --in T.jsonl --out I.jsonl",
		Short:   "Turn texts into token ids; special tokens in the text are recognised, none is added",
		Example: "  elara-worker exec tokenize --tokenizer SmolLM2-135M-Instruct.Q4_1.gguf --in texts.jsonl --out ids.jsonl",
		RunE: func(c *cobra.Command, _ []string) error {
			tok, err := tokenizer.Load(model)
			if err != nil {
				return err
			}
			return writeLines(out, func(line func(any) error) error {
				for text, err := range source.Texts(c.Context(), in) {
					if err != nil {
						return err
					}
					ids := append([]int32{}, tok.Encode(text.Text)...)
					if err := line(map[string]any{"ids": ids}); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	required(c, &model, "tokenizer", "tokenizer.json, a folder that holds one, or a .gguf file")
	required(c, &in, "in", `JSONL of {"text": ...}`)
	required(c, &out, "out", `JSONL to write: {"ids": [...]}`)
	return c
}
