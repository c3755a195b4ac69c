package configs

import (
	"strings"

	"elara/spec"
)

// judgeKeys is the table of the block evaluate.judge of a pipeline file. Whether the block is there decides whether anybody is asked.
func judgeKeys(p *spec.JudgePlan) *section {
	address := accepted(func(url string) error {
		return spec.JudgePlan{URL: url, Model: "any", MaxPairs: 1, Timeout: 1}.Check()
	}, "an http or https address without a password")
	variable := pattern(`^[A-Za-z_][A-Za-z0-9_]*$`, "the name of a variable")
	return &section{keys: []key{
		text("url", &p.URL, "", address, "Address of the API, such as http://127.0.0.1:8000/v1. Questions, references and answers are sent there. A block without it is an error.").showDefault("none: nobody is asked"),
		text("model", &p.Model, "", form{}, "The judge's name there. A block without it is an error."),
		text("token_variable", &p.TokenVariable, "", variable, "Variable of the control worker's environment that holds the token.").showDefault("none: no token is sent"),
		integer("max_pairs", &p.MaxPairs, 100, 1, 10_000, "Most pairs of answers that are shown, the first ones, each in both orders."),
		number("timeout_seconds", &p.Timeout, 60, interval{low: 0, high: 3600, openLow: true}, "Seconds to wait for one reply."),
		integer("retries", &p.Retries, 3, 0, 10, "How often a question that failed is asked again."),
	}}
}

// settleJudge refuses a block that names nobody, and leaves the zero plan where the file has no such block.
func (r *pipelineReader) settleJudge(tree *node) error {
	p := &r.pipeline.Input.Evaluate.Judge
	block := tree.get("evaluate").get("judge")
	if block == nil {
		*p = spec.JudgePlan{}
		return nil
	}
	var lacks []string
	for _, name := range []string{"url", "model"} {
		if block.get(name) == nil {
			lacks = append(lacks, name)
		}
	}
	if len(lacks) > 0 {
		return block.origin.errorf("evaluate.judge: has no %s, expected url and model", strings.Join(lacks, " and no "))
	}
	return nil
}
