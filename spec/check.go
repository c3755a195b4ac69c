package spec

import (
	"fmt"
	"slices"

	"elara/spec/fault"
)

// Check refuses a pipeline that could not run to its end, before anything is done. Package configs has checked a
// pipeline file with places and hints; this holds for whoever starts the workflow in another way.
func (in PipelineInput) Check() error {
	if in.Run != "" {
		if err := in.Run.Check(); err != nil {
			return err
		}
	}
	if err := in.Base.check(); err != nil {
		return err
	}
	if len(in.Prepare.Sources) == 0 {
		return fault.New(fault.Invalid, "prepare: expected at least one source")
	}
	if len(in.Adapters) == 0 {
		return fault.New(fault.Invalid, "adapters: expected at least one")
	}
	seen := make(map[AdapterName]bool, len(in.Adapters))
	if !in.Pretrain.IsZero() {
		if err := in.Pretrain.Check(); err != nil {
			return err
		}
	}
	for _, plan := range in.Adapters {
		if err := plan.Check(); err != nil {
			return err
		}
		if plan.Name == PretrainName && !in.Pretrain.IsZero() {
			return fault.New(fault.Invalid, "adapter %s: the name is that of the continued pre-training, expected another", plan.Name)
		}
		if seen[plan.Name] {
			return fault.New(fault.Invalid, "adapter %s is there twice", plan.Name)
		}
		seen[plan.Name] = true
	}
	if err := in.CheckRLHF(); err != nil {
		return err
	}
	if err := in.Evaluate.Memory.Check(); err != nil {
		return fault.New(fault.Invalid, "evaluate: memory: %w", err)
	}
	if !in.Evaluate.Judge.IsZero() {
		if err := in.Evaluate.Judge.Check(); err != nil {
			return fault.New(fault.Invalid, "evaluate: judge: %w", err)
		}
	}
	if err := in.CheckMerge(); err != nil {
		return err
	}
	if key, err := in.CheckDistill(); err != nil {
		return fmt.Errorf("distill: %s: %w", key, err)
	}
	if err := in.CheckMeasured(); err != nil {
		return err
	}
	if key, err := in.CheckExport(); err != nil {
		return fmt.Errorf("export: %s: %w", key, err)
	}
	if !in.Gates.IsZero() {
		if err := in.Gates.Check(); err != nil {
			return err
		}
	}
	if err := in.Approval.Check(); err != nil {
		return err
	}
	if in.Lane != "" && in.Lane != LaneNormal && in.Lane != LaneEmergency {
		return fault.New(fault.Invalid, "lane %q: expected %s or %s", in.Lane, LaneNormal, LaneEmergency)
	}
	if !runIDPattern.MatchString(in.Release.Channel) {
		return fault.New(fault.Invalid, "release channel %q: expected 1-64 of a-z, 0-9 and '-', starting and ending with a letter or digit", in.Release.Channel)
	}
	return nil
}

// Check refuses an adapter plan whose training could never end.
func (p AdapterPlan) Check() error {
	if err := p.Name.Check(); err != nil {
		return err
	}
	if err := p.Audience.Check(); err != nil {
		return fault.New(fault.Invalid, "adapter %s: %w", p.Name, err)
	}
	if p.SegmentSteps < 1 {
		return fault.New(fault.Invalid, "adapter %s: segment of %d steps: expected at least 1", p.Name, p.SegmentSteps)
	}
	return nil
}

// check wants exactly one way to the base model.
func (b BaseSource) check() error {
	ways := 0
	for _, given := range []bool{b.Path != "", b.Name != "", !b.Artifact.IsZero()} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return fault.New(fault.Invalid, "base: expected one of a path, a name on a hub and an artifact, found %d", ways)
	}
	return nil
}

// Check refuses an approval that nobody could give.
func (p ApprovalPlan) Check() error {
	if p.TimeoutHours < 0 || p.ValidHours < 0 {
		return fault.New(fault.Invalid, "approval timeout of %v hours, validity of %v: expected 0 or more", p.TimeoutHours, p.ValidHours)
	}
	for i, name := range p.Approvers {
		if Person(name) == "" {
			return fault.New(fault.Invalid, "approvers[%d]: expected a person's name", i)
		}
		for _, other := range p.Approvers[:i] {
			if SamePerson(name, other) {
				return fault.New(fault.Invalid, "approvers[%d]: %s is there twice", i, Person(name))
			}
		}
	}
	if p.Signatures < 0 || len(p.Approvers) > 0 && p.Signatures > len(p.Approvers) {
		return fault.New(fault.Invalid, "%d signatures of %d approvers: expected at most as many as there are", p.Signatures, len(p.Approvers))
	}
	return nil
}

// Needed is how many persons must approve.
func (p ApprovalPlan) Needed() int { return max(1, p.Signatures) }

// Admits reports whether a person may decide.
func (p ApprovalPlan) Admits(name string) bool {
	return len(p.Approvers) == 0 || slices.ContainsFunc(p.Approvers, func(a string) bool { return SamePerson(a, name) })
}
