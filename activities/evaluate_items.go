package activities

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"elara/data/preference"
	"elara/scoring"
	"elara/scoring/gates"
	"elara/scoring/relevance"
	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
	"elara/storage/artifact"
)

// Files of a measurement's artifact, beside choicesFile.
const (
	answersFile = "answers.jsonl" // an answer a line
	lossesFile  = "losses.jsonl"  // a rowLoss a line
)

// answer is a question, answered twice, with what the scorers say. Questions of the plan come first.
type answer struct {
	Question      string             `json:"question"`
	Base          string             `json:"base_answer"`
	Adapter       string             `json:"adapter_answer"`
	Reference     *string            `json:"reference,omitempty"`
	BaseScores    *scoring.Judgement `json:"base_scores,omitempty"`
	AdapterScores *scoring.Judgement `json:"adapter_scores,omitempty"`
	BaseGain      *float64           `json:"base_gain,omitempty"` // nil: not measured
	AdapterGain   *float64           `json:"adapter_gain,omitempty"`
}

// rowLoss is a held-out row, measured twice. Rows with one question are one case.
type rowLoss struct {
	spec.RowLoss
	Case string `json:"case"`
}

// items is what a measurement found, item by item.
type items struct {
	answers []answer
	losses  []rowLoss
	choices []choiceAnswer // none where nobody asked
}

// judged scores the answers of base and adapter.
func judged(plan spec.EvaluatePlan, audience spec.Audience, held heldOut, outcome spec.EvaluateOutcome) (items, error) {
	judge, err := scoring.Load()
	if err != nil {
		return items{}, err
	}
	questions := held.asked(plan)
	var all items
	scores := func(answers []string) ([]scoring.Judgement, error) {
		pairs := make([]scoring.Pair, len(questions))
		for i, q := range questions {
			pairs[i] = scoring.Pair{Question: q.question, Answer: &answers[i]}
			if q.answer != "" {
				pairs[i].Reference = &q.answer
			}
		}
		return judge.All(pairs, audience)
	}
	base, err := scores(outcome.BaseAnswers)
	if err != nil {
		return items{}, err
	}
	adapter, err := scores(outcome.AdapterAnswers)
	if err != nil {
		return items{}, err
	}
	for i, q := range questions {
		one := answer{Question: q.question, Base: outcome.BaseAnswers[i], Adapter: outcome.AdapterAnswers[i], BaseScores: &base[i], AdapterScores: &adapter[i]}
		if q.answer != "" {
			one.Reference = &q.answer
		}
		if len(outcome.BaseGains) > 0 {
			one.BaseGain, one.AdapterGain = &outcome.BaseGains[i], &outcome.AdapterGains[i]
		}
		all.answers = append(all.answers, one)
	}
	for _, row := range outcome.Items {
		if row.Line < 1 || row.Line > int64(len(held.rows)) || row.Tokens < 1 {
			return items{}, fault.New(fault.Invalid, "the engine measured line %d with %d tokens; there are %d lines", row.Line, row.Tokens, len(held.rows))
		}
		all.losses = append(all.losses, rowLoss{row, spec.DigestOf(sha256.Sum256([]byte(held.rows[row.Line-1].question))).Short()})
	}
	return all, nil
}

// files are the items as they are stored.
func (m items) files() (map[string][]byte, error) {
	var answers, losses, choices bytes.Buffer
	err := errors.Join(preference.WriteLines(&answers, m.answers), preference.WriteLines(&losses, m.losses), preference.WriteLines(&choices, m.choices))
	files := map[string][]byte{answersFile: answers.Bytes(), lossesFile: losses.Bytes()}
	if len(m.choices) > 0 {
		files[choicesFile] = choices.Bytes()
	}
	return files, err
}

// publish stores the items: they never travel through Temporal.
func (m items) publish(ctx context.Context, store storage.Store, in spec.EvaluateTargetInput) (spec.ArtifactRef, error) {
	files, err := m.files()
	if err != nil {
		return spec.ArtifactRef{}, err
	}
	return artifact.PublishBytes(ctx, store, spec.KindReport, files,
		[]spec.Digest{in.Base.Digest, in.Target.Adapter.Digest, in.Target.Dataset.Digest}, nil)
}

func readItems(ctx context.Context, store storage.Store, ref spec.ArtifactRef) (items, error) {
	return parseItems("report "+ref.Digest.Short(), func(name string) ([]byte, error) { return artifact.ReadFile(ctx, store, ref, name) })
}

func parseItems(place string, read func(name string) ([]byte, error)) (m items, err error) {
	if m.answers, err = readLines[answer](place, answersFile, read); err != nil {
		return items{}, err
	}
	if m.losses, err = readLines[rowLoss](place, lossesFile, read); err != nil {
		return items{}, err
	}
	if m.choices, err = readLines[choiceAnswer](place, choicesFile, read); fault.Is(err, fault.NotFound) {
		err = nil // nobody asked
	}
	return m, err
}

func readLines[T any](place, name string, read func(name string) ([]byte, error)) ([]T, error) {
	content, err := read(name)
	if err != nil {
		return nil, err
	}
	var all []T
	for lines := json.NewDecoder(bytes.NewReader(content)); ; {
		var one T
		if err := lines.Decode(&one); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fault.New(fault.Corrupt, "%s: %s, entry %d: %w", place, name, len(all)+1, err)
		}
		all = append(all, one)
	}
}

// side is one model's scores.
type side struct {
	losses    []rowLoss
	nll       func(rowLoss) float64
	questions []string
	scores    []*scoring.Judgement
	gains     []*float64
	choices   []choiceAnswer
	chosen    func(choiceAnswer) []spec.Likelihood
}

func (m items) base() side {
	s := side{losses: m.losses, nll: func(r rowLoss) float64 { return r.BaseNLL }, choices: m.choices, chosen: baseOf}
	for _, a := range m.answers {
		s.questions, s.scores, s.gains = append(s.questions, a.Question), append(s.scores, a.BaseScores), append(s.gains, a.BaseGain)
	}
	return s
}

func (m items) adapter() side {
	s := side{losses: m.losses, nll: func(r rowLoss) float64 { return r.AdapterNLL }, choices: m.choices, chosen: adapterOf}
	for _, a := range m.answers {
		s.questions, s.scores, s.gains = append(s.questions, a.Question), append(s.scores, a.AdapterScores), append(s.gains, a.AdapterGain)
	}
	return s
}

// compare sets a model beside an older one, metric by metric. Both must have been asked the same.
func compare(old, now side) ([]spec.Comparison, error) {
	if !slices.Equal(old.questions, now.questions) {
		return nil, fault.New(fault.Invalid, "the reports are on %d and %d answers to other questions; expected the same", len(old.questions), len(now.questions))
	}
	all := []gates.Sample{lossSample(old, now)}
	for _, metric := range answerMetrics() {
		sample := gates.Sample{Metric: metric.name, IsYesNo: metric.isYesNo}
		for i, question := range now.questions {
			if before, after, isMeasured := metric.both(old.scores[i], now.scores[i]); isMeasured {
				sample.Old, sample.New, sample.Clusters = append(sample.Old, before), append(sample.New, after), append(sample.Clusters, question)
			}
		}
		all = append(all, sample)
	}
	if len(old.choices)+len(now.choices) > 0 {
		sample, err := choiceSample(old, now)
		if err != nil {
			return nil, err
		}
		all = append(all, sample)
	}
	if sample := gainSample(old, now); len(sample.New) > 0 {
		all = append(all, sample)
	}
	comparisons := make([]spec.Comparison, len(all))
	for i, sample := range all {
		var err error
		if comparisons[i], err = gates.Compare(sample); err != nil {
			return nil, err
		}
	}
	return gates.Adjust(comparisons), nil
}

// gainSample is how well the answers of two models fit their questions.
func gainSample(old, now side) gates.Sample {
	sample := gates.Sample{Metric: spec.MetricRelevanceGain}
	for i, question := range now.questions {
		if before, after := old.gains[i], now.gains[i]; before != nil && after != nil {
			sample.Old, sample.New, sample.Clusters = append(sample.Old, *before), append(sample.New, *after), append(sample.Clusters, question)
		}
	}
	return sample
}

// answerMetric reads one figure of an answer.
type answerMetric struct {
	name    spec.Metric
	isYesNo bool
	of      func(*scoring.Judgement) (float64, bool)
}

func answerMetrics() []answerMetric {
	return []answerMetric{
		{spec.MetricAccuracy, false, accuracyOf}, {spec.MetricRelevance, false, relevanceOf}, {spec.MetricTone, false, toneOf}, {spec.MetricSafety, true, safetyOf},
	}
}

// both reads the figure of two answers to one question.
func (m answerMetric) both(old, now *scoring.Judgement) (before, after float64, isMeasured bool) {
	if old == nil || now == nil {
		return 0, 0, false
	}
	before, isMeasured = m.of(old)
	after, isMeasuredToo := m.of(now)
	return before, after, isMeasured && isMeasuredToo
}

// lossSample is the loss on the rows that both models could read. A model with another tokenizer has other tokens: what is
// compared is the -log p of whole rows, per token of the newer model.
func lossSample(old, now side) gates.Sample {
	sample := gates.Sample{Metric: spec.MetricLoss, LowerIsBetter: true}
	before := map[int64]float64{}
	for _, row := range old.losses {
		before[row.Line] = old.nll(row)
	}
	for _, row := range now.losses {
		was, isThere := before[row.Line]
		if !isThere {
			continue
		}
		tokens := float64(row.Tokens)
		sample.Old, sample.New = append(sample.Old, was/tokens), append(sample.New, now.nll(row)/tokens)
		sample.Weights, sample.Clusters = append(sample.Weights, tokens), append(sample.Clusters, row.Case)
	}
	return sample
}

func accuracyOf(j *scoring.Judgement) (float64, bool) {
	if j.Accuracy == nil {
		return 0, false
	}
	return j.Accuracy.Score, true
}

// relevanceOf is the reciprocal rank; what is no answer has none.
func relevanceOf(j *scoring.Judgement) (float64, bool) {
	if j.Relevance.Fault != relevance.None {
		return 0, true
	}
	return 1 / float64(j.Relevance.Rank), true
}

func toneOf(j *scoring.Judgement) (float64, bool) {
	if j.Tone.Score == nil {
		return 0, false
	}
	return *j.Tone.Score, true
}

func safetyOf(j *scoring.Judgement) (float64, bool) {
	if len(j.Findings) > 0 {
		return 0, true
	}
	return 1, true
}
