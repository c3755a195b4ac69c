package artifact

import (
	"context"
	"encoding/json"
	"strings"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage"
)

// stagesPrefix begins the key of every record.
const stagesPrefix = "stages/"

// stageKey gives the object key of a record. The stage is one or more names under the rules of spec.RunID between
// slashes, such as "prepare" or "train/patient"; key is the digest of everything the result depends on.
func stageKey(stage string, key spec.Digest) (string, error) {
	for name := range strings.SplitSeq(stage, "/") {
		if err := spec.RunID(name).Check(); err != nil {
			return "", fault.New(fault.Invalid, "stage %q: name %q: expected a-z, 0-9 and '-'", stage, name)
		}
	}
	if err := key.Check(); err != nil {
		return "", fault.New(fault.Invalid, "stage %q: %w", stage, err)
	}
	return stagesPrefix + stage + "/" + string(key) + ".json", nil
}

// RecordStage remembers the result of a stage under the digest of its inputs, configuration and code. The first record
// stays: recording an equal result again is no error, a different one is Conflict, and LookupStage tells what stands.
func RecordStage(ctx context.Context, store storage.Store, stage string, key spec.Digest, result any) error {
	at, err := stageKey(stage, key)
	if err != nil {
		return err
	}
	content, err := json.Marshal(result)
	if err != nil {
		return fault.New(fault.Invalid, "record stage %q: %w", stage, err)
	}
	_, err = storage.Replace(ctx, store, at, content, storage.IfAbsent())
	if fault.Is(err, fault.Conflict) {
		return fault.New(fault.Conflict, "record stage %q under %s: another result is recorded already", stage, key.Short())
	}
	return err
}

// LookupStage reads the result of a stage into a pointer. It is for the caller to check with Exists that the artifacts
// in it are still there, and to call ForgetStage when they are not.
func LookupStage(ctx context.Context, store storage.Store, stage string, key spec.Digest, into any) (found bool, err error) {
	at, err := stageKey(stage, key)
	if err != nil {
		return false, err
	}
	content, _, err := storage.ReadAll(ctx, store, at)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return false, fault.New(fault.Corrupt, "read record of stage %q under %s: %w", stage, key.Short(), err)
	}
	return true, nil
}

// ForgetStage removes a record, so that the stage runs and is recorded again.
func ForgetStage(ctx context.Context, store storage.Store, stage string, key spec.Digest) error {
	at, err := stageKey(stage, key)
	if err != nil {
		return err
	}
	return store.Delete(ctx, at)
}
