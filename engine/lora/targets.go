//go:build torch

package lora

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"elara/engine/model"
	"elara/engine/nn"
	"elara/spec"
	"elara/spec/fault"
)

// module is a linear layer that an adapter changes.
type module struct {
	*nn.Linear
	rank  int64
	scale float64 // of the product of its two matrices
}

// selection decides by a module's name, as PEFT does.
type selection struct {
	config          spec.LoRAConfig
	target, exclude *regexp.Regexp // for whole names; nil where the configuration lists ends of names
	layers          []*regexp.Regexp
	ranks, alphas   []*regexp.Regexp
}

func newSelection(config spec.LoRAConfig) (*selection, error) {
	s := &selection{config: config}
	var err error
	compile := func(key, format, pattern string) *regexp.Regexp {
		compiled, failed := regexp.Compile(fmt.Sprintf(format, pattern))
		if failed != nil && err == nil {
			err = fault.New(fault.Invalid, "%s: %q is not a regular expression (RE2): %w", key, pattern, failed)
		}
		return compiled
	}
	if config.TargetPattern != "" && config.TargetPattern != spec.AllLinear {
		s.target = compile("target_modules", `^(?:%s)$`, config.TargetPattern)
	}
	if config.ExcludePattern != "" {
		s.exclude = compile("exclude_modules", `^(?:%s)$`, config.ExcludePattern)
	}
	for _, pattern := range config.LayersPattern {
		s.layers = append(s.layers, compile("layers_pattern", `^(?:|.*?\.)%s\.(?P<index>\d+)\.`, pattern))
	}
	if len(s.layers) == 0 {
		s.layers = []*regexp.Regexp{regexp.MustCompile(`^.*?\.[^.]*\.(?P<index>\d+)\.`)}
	}
	for _, rule := range config.RankPattern {
		s.ranks = append(s.ranks, compile("rank_pattern", `^(.*\.)?(%s)$`, rule.Modules))
	}
	for _, rule := range config.AlphaPattern {
		s.alphas = append(s.alphas, compile("alpha_pattern", `^(.*\.)?(%s)$`, rule.Modules))
	}
	return s, err
}

// named reports whether a name is one of a list, or ends in one after a dot.
func named(name, end string) bool { return name == end || strings.HasSuffix(name, "."+end) }

// excluded reports whether exclude_modules or modules_to_save keep a module from being adapted. A module that is saved whole
// keeps all below it.
func (s *selection) excluded(name string) bool {
	if s.exclude != nil && s.exclude.MatchString(name) {
		return true
	}
	if slices.ContainsFunc(s.config.ExcludeModules, func(end string) bool { return named(name, end) }) {
		return true
	}
	return slices.ContainsFunc(s.config.ModulesToSave, func(saved string) bool { return strings.Contains("."+name+".", "."+saved+".") })
}

// targeted reports whether target_modules names a module, in one of the layers to transform. A whole name in the list counts
// in any layer.
func (s *selection) targeted(name string) bool {
	if s.target != nil {
		return s.target.MatchString(name)
	}
	if slices.Contains(s.config.TargetModules, name) {
		return true
	}
	return slices.ContainsFunc(s.config.TargetModules, func(end string) bool { return named(name, end) }) &&
		(len(s.config.LayersToTransform) == 0 || slices.Contains(s.config.LayersToTransform, s.layer(name)))
}

// layer is the first number in a module's name that layers_pattern stands before, or -1.
func (s *selection) layer(name string) int {
	for _, pattern := range s.layers {
		if found := pattern.FindStringSubmatch(name); found != nil {
			if index, err := strconv.Atoi(found[pattern.SubexpIndex("index")]); err == nil {
				return index
			}
		}
	}
	return -1
}

// adapted gives a layer its rank and scale: the first rule that matches its name counts.
func (s *selection) adapted(l *nn.Linear) module {
	rank, alpha := s.config.R, s.config.Alpha
	if i := first(s.ranks, l.Name); i >= 0 {
		rank = s.config.RankPattern[i].R
	}
	if i := first(s.alphas, l.Name); i >= 0 {
		alpha = s.config.AlphaPattern[i].Alpha
	}
	if s.config.UseRSLoRA {
		return module{l, int64(rank), alpha / math.Sqrt(float64(rank))}
	}
	return module{l, int64(rank), alpha / float64(rank)}
}

func first(rules []*regexp.Regexp, name string) int {
	return slices.IndexFunc(rules, func(rule *regexp.Regexp) bool { return rule.MatchString(name) })
}

// match finds the layers that a configuration adapts, in the order of the forward pass. Unlike PEFT, which is content when
// anything is found, it refuses a target that names nothing.
func match(m model.Model, config spec.LoRAConfig) ([]module, error) {
	s, err := newSelection(config)
	if err != nil {
		return nil, err
	}
	linears, names := m.Linears(), moduleNames(m)
	for _, target := range config.TargetModules {
		if !slices.ContainsFunc(names, func(name string) bool { return named(name, target) }) {
			return nil, fault.New(fault.Invalid, "target module %q is not in the model (%s): expected of %s", target, m.Facts().Architecture, strings.Join(suffixes(m), ", "))
		}
	}
	for _, name := range names {
		isLinear := slices.ContainsFunc(linears, func(l *nn.Linear) bool { return l.Name == name })
		if !isLinear && s.targeted(name) && !s.excluded(name) {
			return nil, fault.New(fault.Invalid, "target_modules names %q, which is not a linear layer inside the blocks: expected of %s", name, strings.Join(suffixes(m), ", "))
		}
	}
	var chosen []module
	for _, l := range linears {
		if (config.TargetPattern == spec.AllLinear || s.targeted(l.Name)) && !s.excluded(l.Name) {
			chosen = append(chosen, s.adapted(l))
		}
	}
	if len(chosen) == 0 {
		return nil, fault.New(fault.Invalid, "target_modules %s, without what is excluded, names no linear layer of the model (%s): expected of %s",
			quoted(config.TargetPattern, config.TargetModules), m.Facts().Architecture, strings.Join(suffixes(m), ", "))
	}
	return chosen, nil
}

// refuseIdle refuses what a new configuration says for nothing: an exclusion that excludes nothing, a layer that is not there,
// a rule for no module. A file that PEFT wrote may hold such.
func refuseIdle(m model.Model, config spec.LoRAConfig, chosen []module) error {
	s, err := newSelection(config)
	if err != nil {
		return err
	}
	names := moduleNames(m)
	for _, end := range config.ExcludeModules {
		if !slices.ContainsFunc(names, func(name string) bool { return named(name, end) }) {
			return fault.New(fault.Invalid, "exclude_modules: %q is not in the model (%s)", end, m.Facts().Architecture)
		}
	}
	if s.exclude != nil && !slices.ContainsFunc(names, s.exclude.MatchString) {
		return fault.New(fault.Invalid, "exclude_modules: %q matches no module of the model (%s)", config.ExcludePattern, m.Facts().Architecture)
	}
	for _, layer := range config.LayersToTransform {
		if !slices.ContainsFunc(chosen, func(c module) bool { return s.layer(c.Name) == layer }) {
			return fault.New(fault.Invalid, "layers_to_transform: no target module is in layer %d of the model's %d", layer, m.Facts().Layers)
		}
	}
	for i, rule := range s.ranks {
		if !slices.ContainsFunc(chosen, func(c module) bool { return rule.MatchString(c.Name) }) {
			return fault.New(fault.Invalid, "rank_pattern: %q matches no target module", config.RankPattern[i].Modules)
		}
	}
	for i, rule := range s.alphas {
		if !slices.ContainsFunc(chosen, func(c module) bool { return rule.MatchString(c.Name) }) {
			return fault.New(fault.Invalid, "alpha_pattern: %q matches no target module", config.AlphaPattern[i].Modules)
		}
	}
	return nil
}

func quoted(pattern string, list []string) string {
	if pattern != "" {
		return strconv.Quote(pattern)
	}
	return fmt.Sprintf("%q", list)
}

// moduleNames lists all modules that hold a weight, and all that hold such modules, each once.
func moduleNames(m model.Model) []string {
	var names []string
	seen := map[string]bool{}
	for _, s := range stored(m) {
		for _, name := range s.modules() {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// suffixes lists the last name elements of the model's linear layers.
func suffixes(m model.Model) []string {
	var names []string
	for _, l := range m.Linears() {
		name := l.Name[strings.LastIndex(l.Name, ".")+1:]
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
