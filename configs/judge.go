package configs

import "elara/spec"

// judgeKeys is the table of the block evaluate.judge of a pipeline file. Whether the block is there decides whether anybody is asked.
func judgeKeys(p *spec.JudgePlan) *section {
	variable := pattern(`^[A-Za-z_][A-Za-z0-9_]*$`, "the name of a variable")
	return &section{keys: []key{
		text("url", &p.URL, "", form{}, "Address of the API, such as http://127.0.0.1:8000/v1. Questions, references and answers are sent there. A block without it is an error.").showDefault("none: nobody is asked"),
		text("model", &p.Model, "", form{}, "The judge's name there. A block without it is an error."),
		text("token_variable", &p.TokenVariable, "", variable, "Variable of the control worker's environment that holds the token.").showDefault("none: no token is sent"),
		integer("max_pairs", &p.MaxPairs, 100, 1, 10_000, "Most pairs of answers that are shown, the first ones, each in both orders."),
		number("timeout_seconds", &p.Timeout, 60, interval{low: 0, high: 3600, openLow: true}, "Seconds to wait for one reply."),
		integer("retries", &p.Retries, 3, 0, 10, "How often a question that failed is asked again."),
	}}
}

// settleJudge refuses a block that names nobody who could be asked, and leaves the zero plan where the file has no such block.
func (r *pipelineReader) settleJudge(tree *node) error {
	p := &r.pipeline.Input.Evaluate.Judge
	block := tree.get("evaluate").get("judge")
	if block == nil {
		*p = spec.JudgePlan{}
		return nil
	}
	if err := p.Check(); err != nil { // which never shows the address: it may hold a password
		return block.place("url").errorf("evaluate.judge: %w", err)
	}
	return nil
}
