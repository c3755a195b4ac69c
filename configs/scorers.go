package configs

import (
	"elara/rewards"
	"elara/spec"
)

// scorerKeys is the table of one scorer.
func scorerKeys(s *spec.Scorer) *section {
	kinds := []spec.ScorerKind{spec.ScorerReward, spec.ScorerLength, spec.ScorerSafety, spec.ScorerHTTP}
	return &section{keys: []key{
		text("name", &s.Name, "", identifier(), "Its name in the curves.").require(),
		choice("kind", &s.Kind, "", kinds, "The reward model less its center, how near an answer comes to a length, the safety rules, or a server.").require(),
		number("weight", &s.Weight, 1, interval{low: -1e6, high: 1e6}, "What its score is multiplied by in the sum; negative turns it round."),
		integer("words", &s.Words, 0, 0, 100_000, "Of kind length: how long an answer is to be."),
		texts("rules", &s.Rules, "a list of safety rules", form{}, "Of kind safety: the rules that count.").showDefault("all"),
		text("url", &s.URL, "", form{}, "Of kind http: where the answers are sent."),
		text("timeout", &s.Timeout, "", form{}, "Of kind http: of one request.").showDefault("30s"),
		integer("retries", &s.Retries, 0, 0, 10, "Of kind http: how often a request that failed is sent again."),
	}}
}

// scorersKey is a list of scorers, in the block at a path.
func scorersKey(list *[]spec.Scorer, at string) key {
	return blocks("scorers", scorerKeys(&spec.Scorer{}), readScorer(list, at), "What an answer is worth: a weighted sum. Without this list it is what the reward model says. See docs/reward.md.")
}

// LoadScorers reads a file that has nothing but a list of scorers, as a PPO file has it.
func LoadScorers(path string) ([]spec.Scorer, error) {
	tree, err := parseFile(path)
	if err != nil {
		return nil, err
	}
	var list []spec.Scorer
	_, err = (&section{keys: []key{scorersKey(&list, "").require()}}).read(tree)
	return list, err
}

// readScorer reads one entry of a list of scorers, which stands in the block at a path. What is wrong with it, or with it beside those before, is told at its place.
func readScorer(list *[]spec.Scorer, at string) func(index int, n *node) error {
	return func(index int, n *node) error {
		if index == 0 {
			*list = nil
		}
		var s spec.Scorer
		path := listPath(join(at, "scorers"), index)
		if err := scorerKeys(&s).decode(n, path); err != nil {
			return err
		}
		*list = append(*list, s)
		if _, err := rewards.Check(*list); err != nil {
			return n.origin.errorf("%s: %w", path, err)
		}
		return nil
	}
}
