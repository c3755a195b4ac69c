package configs

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"elara/spec"

	"github.com/stretchr/testify/require"
)

const smallPipeline = `name: small
base:
  path: model.gguf
prepare:
  sources:
    - path: rows.csv
defaults:
  lora_config:
    r: 4
    target_modules: [q_proj]
  training_args:
    max_steps: 10
adapters:
  - name: patient
    audience: patient
  - name: urgent
    preset: emergency
    training_args: {max_steps: 20}
`

func TestPipelineLayersPresetDefaultsAndOwnKeys(t *testing.T) {
	withoutVariables(t)
	path := write(t, "p.yaml", smallPipeline)
	p, err := LoadPipeline(path, nil)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(filepath.Dir(path), "model.gguf"), p.Input.Base.Path)
	require.Equal(t, []spec.DataSource{{Path: filepath.Join(filepath.Dir(path), "rows.csv"), QuestionColumn: "question", AnswerColumn: "answer"}}, p.Input.Prepare.Sources)
	require.Equal(t, spec.CleanConfig{QuestionLongerThan: 10, QuestionShorterThan: 512, AnswerLongerThan: 20, AnswerShorterThan: 1024}, p.Input.Prepare.Clean)
	require.True(t, p.Schedule.IsZero())
	require.Len(t, p.Input.Adapters, 2)

	patient, urgent := p.Input.Adapters[0], p.Input.Adapters[1]
	require.Equal(t, spec.Patient, patient.Audience)
	require.Equal(t, spec.LoRAConfig{R: 4, Alpha: 8, Bias: "none", TargetModules: []string{"q_proj"}}, patient.LoRA, "PEFT's defaults below the block defaults")
	require.InDelta(t, 5e-5, patient.Args.LearningRate, 0, "transformers' default: there is no preset")
	require.EqualValues(t, 10, patient.Args.MaxSteps)
	require.Empty(t, patient.Match)

	require.Equal(t, spec.Emergency, urgent.Audience, "from the preset")
	require.NotEmpty(t, urgent.Match, "from the preset")
	require.InDelta(t, 32, urgent.LoRA.Alpha, 0, "from the preset")
	require.Equal(t, 4, urgent.LoRA.R, "the block defaults win over the preset")
	require.EqualValues(t, 20, urgent.Args.MaxSteps, "its own key wins over all")
	require.True(t, urgent.AppendEOS)
	require.False(t, urgent.AddPadToken)
}

func TestVariablesWinOverTheFileAndOverridesOverBoth(t *testing.T) {
	withoutVariables(t)
	t.Setenv("ELARA_DEFAULTS_TRAINING_ARGS_MAX_STEPS", "11")
	t.Setenv("ELARA_EVALUATE_MAX_ROWS", "12")
	t.Setenv("ELARA_RELEASE_CHANNEL", "trial")
	t.Setenv("ELARA_DEFAULTS_LORA_CONFIG_TARGET_MODULES", "c_attn, c_proj")
	t.Setenv("ELARA_PREPARE_SEED", "") // an empty variable is not set
	p, err := LoadPipeline(write(t, "p.yaml", smallPipeline), map[string]any{
		"evaluate.max_rows": 13,
		"approval":          map[string]any{"timeout_hours": 2.5},
		"base.path":         "other.gguf",
		"prepare.sources":   []any{map[string]any{"path": "a.csv", "audiences": []string{"doctor"}}, map[string]any{"path": "store:sets/b"}},
		"schedule.every":    "36h",
	})
	require.NoError(t, err)
	require.EqualValues(t, 11, p.Input.Adapters[0].Args.MaxSteps)
	require.Equal(t, []string{"c_attn", "c_proj"}, p.Input.Adapters[0].LoRA.TargetModules)
	require.Equal(t, 13, p.Input.Evaluate.MaxRows)
	require.Equal(t, "trial", p.Input.Release.Channel)
	require.InDelta(t, 2.5, p.Input.Approval.TimeoutHours, 0)
	require.EqualValues(t, 42, p.Input.Prepare.Seed)
	require.Equal(t, 36*time.Hour, p.Schedule.Every)
	require.True(t, p.Schedule.PauseOnFailure)
	require.InDelta(t, 168, p.Schedule.CatchupHours, 0)

	here, err := filepath.Abs(".")
	require.NoError(t, err)
	require.Equal(t, filepath.Join(here, "other.gguf"), p.Input.Base.Path, "relative to the working directory, not to the file")
	require.Equal(t, filepath.Join(here, "a.csv"), p.Input.Prepare.Sources[0].Path)
	require.Equal(t, []spec.Audience{spec.Doctor}, p.Input.Prepare.Sources[0].Audiences)
	require.Equal(t, "store:sets/b", p.Input.Prepare.Sources[1].Path)
}

func TestBadOverridesAndVariablesAreNamed(t *testing.T) {
	withoutVariables(t)
	path := write(t, "p.yaml", smallPipeline)
	for _, c := range []struct {
		key   string
		value any
		want  string
	}{
		{"evaluate.max_row", 1, `override evaluate.max_row: unknown key (did you mean "evaluate.max_rows"?)`},
		{"evaluate.max_rows", "many", "override evaluate.max_rows: evaluate.max_rows: expected a whole number from 0 to 100000000, found many"},
		{"evaluate.max_rows", 1.5, "override evaluate.max_rows: evaluate.max_rows: expected a whole number from 0 to 100000000, found 1.5"},
		{"prepare.sources", []any{map[string]any{"pth": "x"}}, `override prepare.sources: prepare.sources[].pth: unknown key (did you mean "path"?)`},
		{"base.path", struct{}{}, "override base.path: holds a struct {}, expected a text, a number, true or false, a list or a map"},
	} {
		_, err := LoadPipeline(path, map[string]any{c.key: c.value})
		refused(t, err, path, c.want)
	}
	t.Setenv("ELARA_APPROVAL_TIMEOUT_HOURS", "0x1p2")
	_, err := LoadPipeline(path, nil)
	refused(t, err, path, "environment ELARA_APPROVAL_TIMEOUT_HOURS: approval.timeout_hours: expected a number from 0 to 8760, found 0x1p2")
	t.Setenv("ELARA_APPROVAL_TIMEOUT_HOURS", "")
	t.Setenv("ELARA_DEFAULTS_MAX_LENTH", "8")
	_, err = LoadPipeline(path, nil)
	refused(t, err, path, `environment ELARA_DEFAULTS_MAX_LENTH: unknown variable (did you mean "ELARA_DEFAULTS_MAX_LENGTH"?)`)
}

func TestBadPipelinesAreRefusedWithThePlace(t *testing.T) {
	withoutVariables(t)
	for name, c := range map[string]struct{ old, replacement, want string }{
		"misspelt key":         {"max_steps: 10", "max_step: 10", `p.yaml:12: defaults.training_args.max_step: unknown key (did you mean "max_steps"?)`},
		"misspelt in adapter":  {"preset: emergency", "presets: emergency", `p.yaml:17: adapters[].presets: unknown key (did you mean "preset"?)`},
		"worker's own key":     {"max_steps: 10", "output_dir: x", "p.yaml:12: defaults.training_args.output_dir: unknown key"},
		"unknown preset":       {"preset: emergency", "preset: surgeon", `p.yaml:17: adapters[1].preset: expected one of general, patient, doctor, emergency, found the text "surgeon"`},
		"bad audience":         {"audience: patient", "audience: nurse", `p.yaml:15: adapters[0].audience: expected one of general, patient, doctor, emergency, found the text "nurse"`},
		"no audience":          {"    audience: patient\n", "", "p.yaml:14: adapters[0].audience: missing, expected one of general, patient, doctor, emergency"},
		"duplicate adapter":    {"name: urgent", "name: patient", `p.yaml:16: adapters[1].name: a second adapter is named "patient", expected every name once`},
		"name that escapes":    {"name: urgent", "name: ../x", `p.yaml:16: adapters[1].name: expected 1-64 of a-z, 0-9 and '-', starting and ending with a letter or digit, found the text "../x"`},
		"name with NUL":        {"name: urgent", `name: "a\0b"`, `p.yaml:16: adapters[1].name: expected 1-64 of a-z, 0-9 and '-', starting and ending with a letter or digit, found the text "a\x00b"`},
		"name of 300":          {"name: urgent", "name: " + strings.Repeat("a", 300), "p.yaml:16: adapters[1].name: expected 1-64 of a-z, 0-9 and '-', starting and ending with a letter or digit, found a text of 300 bytes"},
		"no for a boolean":     {"  lora_config:", "  append_eos: no\n  lora_config:", `p.yaml:8: defaults.append_eos: expected true or false, found the text "no"`},
		"number in quotes":     {"r: 4", `r: "4"`, `p.yaml:9: defaults.lora_config.r: expected a whole number from 1 to 1024, found the text "4"`},
		"boolean in quotes":    {"  lora_config:", "  append_eos: \"true\"\n  lora_config:", `p.yaml:8: defaults.append_eos: expected true or false, found the text "true"`},
		"underscores":          {"max_steps: 10", "max_steps: 1_0", "p.yaml:12: defaults.training_args.max_steps: expected a whole number from 1 to 100000000, or -1, found 1_0"},
		"hexadecimal":          {"r: 4", "r: 0x4", "p.yaml:9: defaults.lora_config.r: expected a whole number from 1 to 1024, found 0x4"},
		"infinity":             {"max_steps: 10", "learning_rate: .inf", "p.yaml:12: defaults.training_args.learning_rate: expected a number above 0 and at most 1, found .inf"},
		"NaN":                  {"max_steps: 10", "learning_rate: .nan", "p.yaml:12: defaults.training_args.learning_rate: expected a number above 0 and at most 1, found .nan"},
		"1e1000":               {"max_steps: 10", "learning_rate: 1e1000", "p.yaml:12: defaults.training_args.learning_rate: expected a number above 0 and at most 1, found 1e1000"},
		"alias":                {"audience: patient", "audience: *x", "p.yaml: not YAML: unknown anchor 'x' referenced"},
		"anchor":               {"audience: patient", "audience: &x patient", "p.yaml:15: anchor &x: anchors are not read, write the value out"},
		"merge key":            {"audience: patient", "<<: {audience: patient}", "p.yaml:15: expected a plain key"},
		"tag":                  {"audience: patient", "audience: !!str patient", "p.yaml:15: tag !!str: tags are not read, write a plain value"},
		"tab":                  {"    audience: patient", "\taudience: patient", "p.yaml:15: a tab indents this line, expected spaces"},
		"key twice":            {"    audience: patient", "    audience: patient\n    audience: doctor", `p.yaml:16: key "audience" stands here a second time, first in line 15`},
		"second document":      {"name: small", "name: small\n---\nname: b", "p.yaml:2: a second YAML document begins, expected one"},
		"no sources":           {"  sources:\n    - path: rows.csv\n", "  seed: 1\n", "p.yaml:4: prepare.sources: missing, expected a list of blocks"},
		"empty list":           {"  sources:\n    - path: rows.csv\n", "  sources: []\n", "p.yaml:5: prepare.sources: the list is empty, expected at least one entry"},
		"sources not a list":   {"  sources:\n    - path: rows.csv\n", "  sources: rows.csv\n", `p.yaml:5: prepare.sources: expected a list of blocks, found the text "rows.csv"`},
		"store without prefix": {"rows.csv", "store:/", `p.yaml:6: prepare.sources[0].path: expected a prefix after "store:"`},
		"one column for both":  {"rows.csv", "rows.csv\n      answer_column: question", `p.yaml:6: prepare.sources[0]: question_column and answer_column are both "question", expected two columns`},
		"no module anywhere":   {"    target_modules: [q_proj]\n", "", "p.yaml:8: adapters[0].lora_config.target_modules: missing, expected a list of module names, or a regular expression for whole names, or all-linear"},
		"bad expression":       {"audience: patient", "audience: patient\n    match: ['(x']", `p.yaml:16: match[0]: expected a regular expression (RE2), found the text "(x"`},
		"no rows fit":          {"  sources:", "  clean: {answer_longer_than: 2000}\n  sources:", "p.yaml:5: prepare.clean: no answer is longer than 2000 and shorter than 1024 characters"},
		"all held out":         {"  sources:", "  eval_percent: 100\n  sources:", "p.yaml:5: prepare.eval_percent: expected a number above 0 and at most 50, found 100"},
		"cron and every":       {"name: small", "name: small\nschedule: {cron: 0 2 * * *, every: 24h}", "p.yaml:2: schedule: has cron and every, expected one of them"},
		"neither":              {"name: small", "name: small\nschedule: {paused: true}", "p.yaml:2: schedule: has neither cron nor every, expected one of them"},
		"bad cron": {"name: small", "name: small\nschedule: {cron: 61 2 * * *}",
			`p.yaml:2: schedule.cron: expected five fields (minute, hour, day of the month, month, day of the week) such as 30 2 * * mon, found the text "61 2 * * *"`},
		"bad duration": {"name: small", "name: small\nschedule: {every: 1 day}",
			`p.yaml:2: schedule.every: expected a duration from 1m to 8760h, such as 90s, 15m or 24h, found the text "1 day"`},
		"block that is text": {"  training_args:\n    max_steps: 10\n", "  training_args: fast\n",
			`p.yaml:11: defaults.training_args: expected a block of keys, found the text "fast"`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, smallPipeline, c.old)
			path := write(t, "p.yaml", strings.Replace(smallPipeline, c.old, c.replacement, 1))
			_, err := LoadPipeline(path, nil)
			refused(t, err, path, c.want)
		})
	}
	for content, want := range map[string]string{
		"":           "p.yaml: is empty, expected keys and values",
		"# nothing":  "p.yaml: is empty, expected keys and values",
		"- a":        "p.yaml:1: expected keys and values at the top, found a list",
		"a: [1, 2":   "p.yaml:1: not YAML: did not find expected ',' or ']'",
		"name: \xff": "p.yaml:1: holds a byte that is not UTF-8",
	} {
		path := write(t, "p.yaml", content)
		_, err := LoadPipeline(path, nil)
		refused(t, err, path, want)
	}
}

// A few hundred bytes of nested aliases would grow to gigabytes if they were followed.
func TestAnchorBombIsRefusedUnread(t *testing.T) {
	withoutVariables(t)
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+", ", 8) + "*" + string(c-1) + "]\n"
	}
	path := write(t, "p.yaml", bomb)
	_, err := LoadPipeline(path, nil)
	refused(t, err, path, "p.yaml:1: anchor &a: anchors are not read, write the value out")

	path = write(t, "p.yaml", "name: "+strings.Repeat("[", 100_000))
	_, err = LoadPipeline(path, nil)
	require.ErrorContains(t, err, "not YAML: exceeded max depth")
	path = write(t, "p.json", strings.Repeat(`{"a":`, 100_000))
	_, err = LoadPipeline(path, nil)
	refused(t, err, path, "p.json:1: nested more than 32 deep")
	path = write(t, "p.yaml", strings.Repeat("#", maxFileBytes+1))
	_, err = LoadPipeline(path, nil)
	refused(t, err, path, "p.yaml: has 1048577 bytes, expected at most 1048576")
}

func TestCronLines(t *testing.T) {
	for _, good := range []string{"0 2 * * *", "*/15 0-6 1,15 jan-mar mon", "59 23 31 12 7", "0 0 * * Sun-Sat", "0-30/10 * * * *"} {
		require.True(t, isCron(good), good)
	}
	for _, bad := range []string{"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8",
		"*/0 * * * *", "5-1 * * * *", "a * * * *", "@daily", "1, * * * *", "-1 * * * *", "* * L * *"} {
		require.False(t, isCron(bad), bad)
	}
}

func TestExampleAndDemoPipelinesLoad(t *testing.T) {
	withoutVariables(t)
	example, err := LoadPipeline("pipeline.yaml", nil)
	require.NoError(t, err)
	require.Len(t, example.Input.Adapters, 4)
	require.Equal(t, ScheduleConfig{Cron: "30 2 * * mon", CatchupHours: 168, Jitter: 10 * time.Minute, PauseOnFailure: true}, example.Schedule)

	file, err := parseFile("pipeline.yaml")
	require.NoError(t, err)
	(&pipelineReader{}).keys().walk("", func(path string, k key) {
		if k.element == nil && k.object == nil && !strings.Contains(path, "lr_scheduler_kwargs.") && !strings.HasPrefix(path, "pretrain.training_args.") &&
			k.alsoIn != inItsFile && path != "rlhf.preferences" && path != "schedule.every" && path != "base.name" && !strings.HasPrefix(path, "distill.student.") {
			require.NotNil(t, file.lookup(path), "configs/pipeline.yaml says that it holds every key, and lacks %s", path)
		}
	})

	_, err = LoadDemo("demo", map[string]any{"prepare.sources": []any{map[string]any{"path": "/d"}}})
	require.ErrorContains(t, err, "demo.yaml (built in):3: base: has neither path nor name, expected one of them")
	_, err = LoadDemo("../pipeline", nil)
	require.ErrorContains(t, err, "expected demo or demo-tiny")

	overrides := map[string]any{"base.path": "/m", "prepare.sources": []any{map[string]any{"path": "/d"}}}
	for name, want := range map[string]struct{ steps, segment, rows int64 }{"demo": {40, 20, 512}, "demo-tiny": {12, 6, 512}} {
		p, err := LoadDemo(name, overrides)
		require.NoError(t, err)
		require.Equal(t, name, p.Input.Name)
		require.Len(t, p.Input.Evaluate.Questions, 4, "one per audience")
		var audiences []spec.Audience
		for _, a := range p.Input.Adapters {
			audiences = append(audiences, a.Audience)
			require.Equal(t, 16, a.LoRA.R)
			require.InDelta(t, 1e-3, a.Args.LearningRate, 0)
			require.Equal(t, want.steps, a.Args.MaxSteps)
			require.Equal(t, want.segment, a.SegmentSteps)
			require.EqualValues(t, want.rows, a.MaxLength)
			require.Equal(t, 8, a.Args.PerDeviceTrainBatchSize*a.Args.GradientAccumulationSteps)
			require.True(t, a.AppendEOS)
			require.Equal(t, "no", a.Args.EvalStrategy)
			require.Less(t, a.Args.SaveSteps, a.SegmentSteps, "a checkpoint falls inside each segment")
			require.Equal(t, a.Audience == spec.Emergency, len(a.Match) > 0)
		}
		require.Equal(t, spec.Audiences(), audiences)
	}
}
