package spec

import (
	"fmt"

	"elara/spec/fault"
)

// Metric is one of the figures that a gate compares.
type Metric string

// The metrics, in the order of every report.
const (
	MetricLoss      Metric = "loss"      // mean -log p of the held-out tokens, in nats; lower is better
	MetricAccuracy  Metric = "accuracy"  // score of an answer against its reference, 0 to 1
	MetricRelevance Metric = "relevance" // reciprocal rank of the own question among others, 0 to 1
	MetricTone      Metric = "tone"      // share of the audience's targets that are met, 0 to 1
	MetricSafety    Metric = "safety"    // 1 without a finding, 0 with one
	MetricChoice    Metric = "choice"    // 1 where the likeliest choice of a question is the right one, 0 else; measured where it is asked for
	// MetricRelevanceGain is how much likelier an answer is behind its own question than behind others, in nats per token; measured where
	// it is asked for.
	MetricRelevanceGain Metric = "relevance_gain"
)

// Metrics lists them.
func Metrics() []Metric {
	return []Metric{MetricLoss, MetricAccuracy, MetricRelevance, MetricTone, MetricSafety, MetricChoice, MetricRelevanceGain}
}

// GatePlan says what a candidate is compared with and what follows. The zero plan is a pipeline without gates.
type GatePlan struct {
	CompareWith    string `json:"compare_with"`    // CompareProduction or CompareBase
	OnInsufficient string `json:"on_insufficient"` // AskAnyway or StopThere
}

// Values of GatePlan.
const (
	CompareProduction = "production" // what the channel serves; the base where it serves nothing of that name
	CompareBase       = "base"
	AskAnyway         = "ask"
	StopThere         = "stop"
)

// IsZero reports whether the pipeline has no gates.
func (p GatePlan) IsZero() bool { return p == GatePlan{} }

// Check refuses unknown values.
func (p GatePlan) Check() error {
	if p.CompareWith != CompareProduction && p.CompareWith != CompareBase {
		return fault.New(fault.Invalid, "gates: compare_with %q: expected production or base", p.CompareWith)
	}
	if p.OnInsufficient != AskAnyway && p.OnInsufficient != StopThere {
		return fault.New(fault.Invalid, "gates: on_insufficient %q: expected ask or stop", p.OnInsufficient)
	}
	return nil
}

// GateRules are what one adapter is held to.
type GateRules struct {
	Target         Metric  `json:"target"`          // must be better; TargetNone: nothing need be
	MinImprovement float64 `json:"min_improvement"` // of the target, in its own unit
	MinItems       int     `json:"min_items"`       // fewer items or clusters of a metric are insufficient data
	Margins        Margins `json:"margins"`
}

// IsZero reports whether there are none.
func (r GateRules) IsZero() bool { return r == GateRules{} }

// TargetNone asks for no improvement, only for nothing worse.
const TargetNone Metric = "none"

// Margins are how much worse each metric may be, in its own unit, and still count as no worse.
type Margins struct {
	Loss      float64 `json:"loss"`
	Accuracy  float64 `json:"accuracy"`
	Relevance float64 `json:"relevance"`
	Tone      float64 `json:"tone"`
	Safety    float64 `json:"safety"`
	Choice    float64 `json:"choice,omitempty"`

	RelevanceGain float64 `json:"relevance_gain,omitempty"`
}

// Of is the margin of a metric.
func (m Margins) Of(metric Metric) float64 {
	switch metric {
	case MetricLoss:
		return m.Loss
	case MetricAccuracy:
		return m.Accuracy
	case MetricRelevance:
		return m.Relevance
	case MetricTone:
		return m.Tone
	case MetricSafety:
		return m.Safety
	case MetricChoice:
		return m.Choice
	case MetricRelevanceGain:
		return m.RelevanceGain
	}
	return 0
}

// DefaultGateRules are those of a pipeline file that says nothing.
func DefaultGateRules() GateRules {
	return GateRules{
		Target: MetricLoss, MinItems: 30,
		Margins: Margins{Loss: 0.02, Accuracy: 0.05, Relevance: 0.05, Tone: 0.05, Safety: 0.02, Choice: 0.05, RelevanceGain: 0.05},
	}
}

// GateVerdict is what the figures say; a person decides.
type GateVerdict string

const (
	Promote          GateVerdict = "promote"
	Reject           GateVerdict = "reject"
	InsufficientData GateVerdict = "insufficient data"
)

// Estimate is a figure with its 95 % interval.
type Estimate struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Text is the figure for people: "0.940 (0.838 to 0.979)".
func (e Estimate) Text() string { return fmt.Sprintf("%.3f (%.3f to %.3f)", e.Value, e.Low, e.High) }

// Comparison is one metric of two models on the same items.
type Comparison struct {
	Metric   Metric   `json:"metric"`
	Items    int      `json:"items"`
	Clusters int      `json:"clusters"` // groups of items that belong together; as many as items where each stands alone
	Old      Estimate `json:"old"`
	New      Estimate `json:"new"`
	Gain     Estimate `json:"gain"` // how much better the new model is, in the metric's unit; below 0: worse
	// PWorse is the one-sided p-value of "the new model is no worse", HolmWorse the same adjusted for all metrics (Holm 1979).
	PWorse    float64 `json:"p_worse"`
	HolmWorse float64 `json:"p_worse_holm"`
	// Detectable is the smallest gain that these items show with 80 % power.
	Detectable float64 `json:"detectable"`
	Test       string  `json:"test"` // TestBootstrap or TestMcNemar
	// AtMost is set where the new model failed on none of the items of a yes-or-no metric: its rate of failures is at most this,
	// with 95 % confidence (rule of three).
	AtMost float64 `json:"failures_at_most,omitempty"`
}

// Values of Comparison.Test.
const (
	TestBootstrap = "paired bootstrap (BCa)"
	TestMcNemar   = "exact McNemar, Tango's interval"
)

// AdapterGate is the verdict on one adapter.
type AdapterGate struct {
	Adapter     AdapterName   `json:"adapter"`
	Verdict     GateVerdict   `json:"verdict"`
	Reasons     []string      `json:"reasons"`
	Rules       GateRules     `json:"rules"`
	Against     string        `json:"against"` // what it was compared with, for people
	Comparisons []Comparison  `json:"comparisons"`
	Memory      *MemoryResult `json:"memory,omitempty"` // what it has by heart of its training rows; nil: nobody asked
	Judge       *JudgeResult  `json:"judge,omitempty"`  // an opinion, which had no part in the verdict; nil: nobody asked
}

// GateResult is the verdict on a candidate: the worst of its adapters'.
type GateResult struct {
	Verdict  GateVerdict   `json:"verdict"`
	Adapters []AdapterGate `json:"adapters"` // in the order of GateInput
	Report   ArtifactRef   `json:"report,omitzero"`
}

// Passes reports whether a reviewer is asked.
func (r GateResult) Passes(plan GatePlan) bool {
	return r.Verdict == Promote || r.Verdict == InsufficientData && plan.OnInsufficient == AskAnyway
}

// Incumbents is what a channel serves, adapter by adapter; the zero value is a channel that serves nothing.
type Incumbents struct {
	Base     ArtifactRef        `json:"base,omitzero"`
	Adapters []CandidateAdapter `json:"adapters,omitempty"`
}

// Of gives the adapter that a channel serves under a name.
func (i Incumbents) Of(name AdapterName) (ArtifactRef, bool) {
	for _, adapter := range i.Adapters {
		if adapter.Name == name {
			return adapter.Ref, true
		}
	}
	return ArtifactRef{}, false
}

// IncumbentsInput asks what a channel serves.
type IncumbentsInput struct {
	Run     RunID  `json:"run"`
	Channel string `json:"channel"`
}

// GateInput asks for the verdict on a candidate.
type GateInput struct {
	Run       RunID        `json:"run"`
	Channel   string       `json:"channel"`
	Base      ArtifactRef  `json:"base"`
	Candidate ArtifactRef  `json:"candidate"`
	Targets   []GateTarget `json:"targets"` // in the order of the plan, and behind them the models that were made of the adapters
}

// GateTarget is one adapter, or one model made of several, with what it is compared with.
type GateTarget struct {
	Audience  Audience         `json:"audience"`
	Adapter   ArtifactRef      `json:"adapter"`
	Rules     GateRules        `json:"rules"`
	Score     AdapterScore     `json:"score"`
	Dataset   AdapterDataset   `json:"dataset"`
	Training  *TrainingSummary `json:"training,omitempty"` // nil: it is no adapter that was trained, and gets no card
	Incumbent ArtifactRef      `json:"incumbent,omitzero"` // zero: the base
	// IncumbentScore is the incumbent measured on the same rows and questions; its Report is zero where the incumbent is the
	// adapter itself, or the base.
	IncumbentScore AdapterScore `json:"incumbent_score,omitzero"`
}

// TrainingSummary is what a model card tells of a training.
type TrainingSummary struct {
	LoRA      LoRAConfig   `json:"lora_config"`
	Args      TrainingArgs `json:"training_args"`
	MaxLength int          `json:"max_length"`
	Steps     int64        `json:"steps"`
	Loss      float64      `json:"loss"`
	BaseName  string       `json:"base_name"`
	// Aligned is what came after the training; nil: nothing, it is the adapter.
	Aligned *AlignmentSummary `json:"aligned,omitempty"`
}

// AlignmentSummary is what a model card tells of a training from people's preferences.
type AlignmentSummary struct {
	Method      RLHFMethod   `json:"method"`
	From        ArtifactRef  `json:"from"` // the adapter that it began with
	Comparisons Comparisons  `json:"comparisons"`
	Outcome     TrainOutcome `json:"outcome"`          // of the policy
	Alarms      []string     `json:"alarms,omitempty"` // as in FeedbackFigures
}
