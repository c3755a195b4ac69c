package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"elara/spec"
	"elara/spec/fault"
	"elara/storage/cas"
)

const manifestFormat = 1

// Manifest is one committed snapshot. It holds no time and no place: the same snapshot under the same lease has the
// same bytes.
type Manifest struct {
	Format  int              `json:"format"`
	Run     spec.RunID       `json:"run"`
	Adapter spec.AdapterName `json:"adapter"`
	Step    int64            `json:"step"`
	Token   int64            `json:"token"` // fencing token of the lease it was committed under
	Job     spec.Digest      `json:"job"`
	Files   []File           `json:"files"` // by name
	Facts   Facts            `json:"facts"`
}

// File is one file of a snapshot.
type File struct {
	Name string `json:"name"`
	cas.Blob
}

// Facts is what a reader may want to know about the making of a snapshot. None of it decides whether it is valid.
type Facts struct {
	Config    spec.Digest      `json:"config,omitempty"`    // of the training configuration
	Template  spec.Digest      `json:"template,omitempty"`  // of the instruction template
	Tokenizer spec.Digest      `json:"tokenizer,omitempty"` // of tokenizer.json
	Engine    Engine           `json:"engine"`
	Counters  map[string]int64 `json:"counters,omitempty"` // data cursor, random-stream counters, rows seen, ...
}

// Engine is the kind of machine on which results are equal byte for byte.
type Engine struct {
	Device  string `json:"device,omitempty"` // "cpu" or the model of the GPU
	CPU     string `json:"cpu,omitempty"`    // instruction set that was used, such as "avx2"
	DType   string `json:"dtype,omitempty"`
	Threads int    `json:"threads,omitempty"`
	Version string `json:"version,omitempty"` // of the engine's libraries
}

func folder(run spec.RunID, adapter spec.AdapterName) string {
	return "runs/" + string(run) + "/" + string(adapter) + "/"
}

// PointerKey gives the object key of the pointer.
func PointerKey(run spec.RunID, adapter spec.AdapterName) string {
	return folder(run, adapter) + "latest.json"
}

func manifestPrefix(run spec.RunID, adapter spec.AdapterName) string {
	return folder(run, adapter) + "checkpoints/"
}

// ManifestKey gives the object key of a manifest. Keys of one adapter sort by step.
func ManifestKey(run spec.RunID, adapter spec.AdapterName, step, token int64) string {
	return fmt.Sprintf("%s%08d.%06d.json", manifestPrefix(run, adapter), step, token)
}

// parseManifestKey is the inverse of ManifestKey; foreign objects are told apart.
func parseManifestKey(prefix, key string) (step, token int64, ours bool) {
	name, isJSON := strings.CutSuffix(strings.TrimPrefix(key, prefix), ".json")
	steps, tokens, two := strings.Cut(name, ".")
	if !isJSON || !two {
		return 0, 0, false
	}
	step, stepErr := strconv.ParseInt(steps, 10, 64)
	token, tokenErr := strconv.ParseInt(tokens, 10, 64)
	ours = stepErr == nil && tokenErr == nil && step > 0 && token > 0 && fmt.Sprintf("%08d.%06d", step, token) == name
	return step, token, ours
}

// blobsOf names the files of a snapshot.
func blobsOf(snapshot spec.Snapshot) []File {
	files := make([]File, 0, len(snapshot.Files))
	for _, name := range slices.Sorted(maps.Keys(snapshot.Files)) {
		files = append(files, File{Name: name, Blob: cas.BlobOf(snapshot.Files[name])})
	}
	return files
}

// decodeManifest refuses content that is not the manifest its key promises.
func decodeManifest(content []byte, run spec.RunID, adapter spec.AdapterName, step, token int64) (Manifest, error) {
	var m Manifest
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil {
		return Manifest{}, fault.New(fault.Corrupt, "not a manifest: %w", err)
	}
	if m.Format != manifestFormat {
		return Manifest{}, fault.New(fault.Corrupt, "manifest format %d, expected %d", m.Format, manifestFormat)
	}
	if m.Run != run || m.Adapter != adapter || m.Step != step || m.Token != token {
		return Manifest{}, fault.New(fault.Corrupt, "manifest of %s/%s step %d token %d under another key",
			m.Run, m.Adapter, m.Step, m.Token)
	}
	for i, file := range m.Files {
		if file.Name == "" || (i > 0 && m.Files[i-1].Name >= file.Name) || file.Digest.Check() != nil || file.SizeBytes < 0 {
			return Manifest{}, fault.New(fault.Corrupt, "manifest lists file %q wrongly", file.Name)
		}
	}
	return m, nil
}
