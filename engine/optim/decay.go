//go:build torch

package optim

import (
	"regexp"
	"slices"
)

// NoDecay reports whether transformers' Trainer leaves a parameter out of the weight decay, by the parameter's name in a
// checkpoint: biases and the weights of norms (Trainer.get_decay_parameter_names in 5.23, which also finds norms by their
// type; GPT-2's are the ln_… here).
func NoDecay() func(name string) bool {
	patterns := []*regexp.Regexp{
		regexp.MustCompile(`bias`), regexp.MustCompile(`layernorm`), regexp.MustCompile(`rmsnorm`),
		regexp.MustCompile(`(?:^|\.)norm(?:$|\.)`), regexp.MustCompile(`_norm(?:$|\.)`), regexp.MustCompile(`(?:^|\.)ln_[0-9a-z]+\.`),
	}
	return func(name string) bool {
		return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(name) })
	}
}
