package devstack

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// foreignSettings begin the variables that would point the stack's worker elsewhere: it belongs to this stack, whatever
// cluster the environment names for the other verbs.
var foreignSettings = [...]string{"ELARA_CONFIG=", "ELARA_TEMPORAL_", "ELARA_S3_", "ELARA_QUEUES_", "ELARA_TELEMETRY_METRICS_"}

// curvesVariable names the folder of the trainings' curves, as package configs reads it.
const curvesVariable = "ELARA_TELEMETRY_LOGGING_DIR"

// curvesFolder is where the stack's worker keeps its curves: in the state folder, unless the environment says otherwise.
func curvesFolder(folder string) (string, error) {
	if set := os.Getenv(curvesVariable); set != "" {
		return filepath.Abs(set)
	}
	return filepath.Join(folder, curvesName), nil
}

// workerEnv is our environment with the stack's addresses in it.
func workerEnv(record Record, credentials Credentials) []string {
	env := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return slices.ContainsFunc(foreignSettings[:], func(prefix string) bool { return strings.HasPrefix(variable, prefix) })
	})
	return append(env,
		"ELARA_TEMPORAL_ADDRESS="+record.Temporal,
		"ELARA_TEMPORAL_NAMESPACE="+record.Namespace,
		"ELARA_S3_ENDPOINT="+record.S3,
		"ELARA_S3_REGION="+record.Region,
		"ELARA_S3_BUCKET="+record.Bucket,
		"ELARA_S3_PATH_STYLE=true",
		"ELARA_S3_ACCESS_KEY="+credentials.AccessKey,
		"ELARA_S3_SECRET_KEY="+credentials.SecretKey,
		"ELARA_TELEMETRY_METRICS_ADDRESS="+record.Metrics,
		curvesVariable+"="+record.Curves,
	)
}
