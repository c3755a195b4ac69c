package archtest

// Layer is one row of the table. Paths are inside the module; "data" stands for data and all below it.
type Layer struct {
	Path string

	// May lists the packages of ours that the layer may import, with all below them. A layer's own folders
	// may import each other.
	May []string

	// Any frees the layer to import everything of ours.
	Any bool

	// Never lists what must not be reached from here, not even through others: import paths outside the
	// module, or paths inside it that begin with "elara/".
	Never []string
}

// What the rows below refuse, by the name that the design uses for it.
const (
	temporal = "go.temporal.io/sdk"
	aws      = "github.com/aws/aws-sdk-go-v2"
	viper    = "github.com/spf13/viper"
	gotch    = "github.com/sugarme/gotch"
	engine   = "elara/engine"
	storage  = "elara/storage"
)

// Table is the import table. A package belongs to the row with the longest path that fits it.
func Table() []Layer {
	// The parts of the engine that hold tensors may use each other; Go itself refuses a cycle.
	tensorWork := []string{"engine/tensor", "engine/nn", "engine/model", "engine/lora", "engine/optim", "engine/loss", "engine/sample", "spec"}
	outside := []string{temporal, aws, viper, storage}
	return []Layer{
		{Path: "spec", May: []string{"spec/fault"}, Never: []string{temporal, aws, viper, gotch}},
		{Path: "spec/fault", Never: []string{temporal, aws, viper, gotch}},
		{Path: "storage", May: []string{"spec"}, Never: []string{temporal, viper, gotch, engine}},
		{Path: "data", May: []string{"spec"}, Never: []string{temporal, aws, viper, gotch, engine, storage}},
		{Path: "scoring", May: []string{"spec", "data/sample", "data/instruct"}, Never: []string{temporal, aws, viper, gotch, engine, storage}},
		// A scorer of answers may lie behind HTTP, which package scoring, whose judgements never change, must not.
		{Path: "rewards", May: []string{"spec", "scoring"}, Never: []string{temporal, aws, viper, gotch, engine, storage}},
		{Path: "configs", May: []string{"spec", "data/hub", "rewards"}, Never: []string{temporal, aws, gotch, engine, storage}},
		// A collection of preferences answers queries with what data/preference makes of its state; the files are trl's.
		{Path: "workflows", May: []string{"spec", "activities", "data/preference"}, Never: []string{gotch, engine, viper}},
		{
			Path:  "activities",
			May:   []string{"spec", "storage", "data", "scoring", "rewards", "telemetry"},
			Never: []string{gotch, engine, viper, "elara/workflows", "elara/configs"},
		},
		{Path: "telemetry", May: []string{"spec"}, Never: []string{aws, viper, gotch, engine, storage}},

		// Chats over HTTP, of whatever continues tokens.
		{Path: "serving", May: []string{"spec", "data/instruct", "data/export", "telemetry", "internal/listen"}, Never: []string{aws, viper, gotch, engine, storage}},

		{Path: "engine/tensor", May: []string{"spec/fault"}, Never: append([]string{"elara/data"}, outside...)},
		{Path: "engine/nn", May: tensorWork, Never: outside},
		{Path: "engine/model", May: append([]string{"data/gguf", "data/modelconfig", "data/torchfile"}, tensorWork...), Never: outside},
		{Path: "engine/lora", May: tensorWork, Never: outside},
		{Path: "engine/merge", May: tensorWork, Never: outside},
		{Path: "engine/optim", May: tensorWork, Never: outside},
		{Path: "engine/loss", May: tensorWork, Never: outside},
		{Path: "engine/sample", May: tensorWork, Never: outside},
		{Path: "engine/train", May: []string{"spec"}, Never: append([]string{gotch, "elara/engine/tensor"}, outside...)},
		{Path: "engine/ppo", May: []string{"spec"}, Never: append([]string{gotch, "elara/engine/tensor"}, outside...)},
		{
			Path:  "engine/recipes",
			May:   []string{"engine", "data", "scoring", "rewards", "spec"},
			Never: append([]string{"elara/activities", "elara/workflows"}, outside...),
		},
		{Path: "engine", Never: outside}, // the folder's own doc.go

		{Path: "worker", Any: true},
		{
			Path:  "starter",
			May:   []string{"spec", "storage", "configs", "workflows", "telemetry", "desk", "serving", "data/sample", "data/preference", "data/trl", "data/export", "data/instruct", "data/hub", "internal/setup", "internal/connect", "internal/listen", "internal/version"},
			Never: []string{gotch, engine},
		},
		{
			Path:  "desk",
			May:   []string{"spec", "storage", "configs", "workflows", "telemetry", "data/preference", "internal/connect", "internal/listen"},
			Never: []string{gotch, engine},
		},
		{Path: "tests", Any: true},
		{Path: "internal/setup", May: []string{"spec/fault"}, Never: []string{temporal, aws, viper, gotch}},
		// Starter, worker and desk reach the same servers by the same settings.
		{Path: "internal/connect", May: []string{"configs", "spec", "storage"}, Never: []string{gotch, engine}},
		// The desk and the server of models are reached by the same rules.
		{Path: "internal/listen", May: []string{"spec/fault"}, Never: []string{temporal, aws, viper, gotch, engine, storage}},
		{Path: "internal/version", Never: []string{temporal, aws, viper, gotch}},
		{Path: "internal/archtest", Never: []string{temporal, aws, viper, gotch}},
		{Path: "internal/testdevice", Never: []string{temporal, aws, viper, gotch}},
		{Path: "internal/testreport", Never: []string{temporal, aws, viper, gotch}},
	}
}

// Owner says which packages may import something from outside the module, so that replacing it means
// changing one folder.
type Owner struct {
	Import string   // and everything below it
	Only   []string // paths inside the module
	Reason string
}

// Owners lists the dependencies that are kept behind a door.
func Owners() []Owner {
	return []Owner{
		{gotch, []string{"engine/tensor"}, "its calls exit the process on a bad shape; engine/tensor turns them into errors"},
		{"github.com/aws", []string{"storage/s3", "storage/gateway"}, "other stores must fit the same contract; the gateway's own interface speaks the SDK's types"},
		{"github.com/versity/versitygw", []string{"storage/gateway"}, "the embedded S3 server is one choice among many"},
		{temporal, []string{"workflows", "activities", "worker", "starter", "desk", "telemetry", "internal/connect", "tests"}, "training and data work run without Temporal"},
		{viper, []string{"configs"}, "everything else gets values that are already checked"},
		{"github.com/parquet-go/parquet-go", []string{"data/trl"}, "Parquet is one form of a file among others"},
		{"github.com/spf13/cobra", []string{"starter", "worker", "internal/setup"}, "commands belong to the programs"},
	}
}

// WorkflowsRefuse are imports, with all below them, that make a replay differ from the run or reach out of it.
func WorkflowsRefuse() []string {
	return []string{"os", "net", "math/rand", "crypto/rand", "github.com/google/uuid"}
}

// ForbiddenNames are package names that say nothing about what is inside.
func ForbiddenNames() []string {
	return []string{"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "shared", "base", "lib", "core", "impl", "types"}
}
