package telemetry

// scope names the instruments' and spans' origin.
const scope = "elara"

// Instruments, under OpenTelemetry's names. On /metrics dots become underscores, and the unit and "total" are appended:
// elara_train_step_duration_seconds, elara_train_tokens_total.
const (
	TrainStepDuration        = "elara.train.step.duration"        // s, per adapter
	TrainTokens              = "elara.train.tokens"               // real tokens trained on, per adapter
	TrainSteps               = "elara.train.steps"                // optimiser steps, per adapter
	TrainLoss                = "elara.train.loss"                 // nats per supervised token, per adapter
	CheckpointCommitDuration = "elara.checkpoint.commit.duration" // s, from the first blob to the pointer
	CheckpointCommitBytes    = "elara.checkpoint.commit.size"     // bytes, per adapter
	StageDuration            = "elara.stage.duration"             // s, per stage and outcome
	ServeDuration            = "elara.serve.duration"             // s of a request, per model and outcome
	ServeFirstTokenDuration  = "elara.serve.first_token.duration" // s to the first token, per model
	ServeTokenDuration       = "elara.serve.token.duration"       // s between tokens, mean of a request, per model
	ServeTokens              = "elara.serve.tokens"               // per model and kind
	ServeRunning             = "elara.serve.running"              // requests that are answered or wait
)

// Spans.
const (
	SpanTrainStep        = "train.step"
	SpanCheckpointCommit = "checkpoint.commit"
)

// Labels and attributes.
const (
	LabelStage   = "elara.stage"
	LabelAdapter = "elara.adapter"
	LabelStep    = "elara.step"
	LabelOutcome = "elara.outcome" // ok, or the fault kind
	LabelModel   = "elara.model"   // name of a model that is served
	LabelKind    = "elara.kind"    // of tokens: prompt or answer
)
