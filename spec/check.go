package spec

import "elara/spec/fault"

// Check refuses a pipeline that could not run to its end, before anything is done. Package configs has checked a
// pipeline file with places and hints; this holds for whoever starts the workflow in another way.
func (in PipelineInput) Check() error {
	if in.Run != "" {
		if err := in.Run.Check(); err != nil {
			return err
		}
	}
	if in.Base.Path == "" && in.Base.Artifact.IsZero() {
		return fault.New(fault.Invalid, "base: expected a path or an artifact")
	}
	if len(in.Prepare.Sources) == 0 {
		return fault.New(fault.Invalid, "prepare: expected at least one source")
	}
	if len(in.Adapters) == 0 {
		return fault.New(fault.Invalid, "adapters: expected at least one")
	}
	seen := make(map[AdapterName]bool, len(in.Adapters))
	for _, plan := range in.Adapters {
		if err := plan.Check(); err != nil {
			return err
		}
		if seen[plan.Name] {
			return fault.New(fault.Invalid, "adapter %s is there twice", plan.Name)
		}
		seen[plan.Name] = true
	}
	if in.Approval.TimeoutHours < 0 {
		return fault.New(fault.Invalid, "approval timeout of %v hours: expected 0 or more", in.Approval.TimeoutHours)
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
