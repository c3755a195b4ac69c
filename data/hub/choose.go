package hub

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"elara/spec/fault"
)

const configFile = "config.json"

// described are the files beside the weights that say what the model is and how its text is cut.
var described = []string{
	configFile, "generation_config.json",
	"tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json",
}

// weights are the files that can hold all weights, or list those that do, the best first: safetensors cannot hold a
// program, and one file is what Python takes where there are shards, too.
var weights = []string{
	"model.safetensors", "model.safetensors" + indexSuffix, "pytorch_model.bin", "pytorch_model.bin" + indexSuffix,
}

const indexSuffix = ".index.json"

// choose picks what a causal language model consists of, in the order in which it is fetched: the descriptions, then the
// file of the weights, or the index of their shards. Other formats of the same weights stay where they are.
func choose(about subject, files []string) (chosen []string, err error) {
	for _, file := range files {
		isTemplate := strings.HasPrefix(file, "chat_template") && !strings.Contains(file, "/")
		if isTemplate || slices.Contains(described, file) {
			chosen = append(chosen, file)
		}
	}
	slices.Sort(chosen)
	if !slices.Contains(chosen, configFile) {
		return nil, fault.New(fault.Invalid, "model %q has no %s, expected a model that transformers loads", about.name, configFile)
	}
	hasPair := slices.Contains(chosen, "vocab.json") && slices.Contains(chosen, "merges.txt")
	if !hasPair && !slices.Contains(chosen, "tokenizer.json") {
		return nil, fault.New(fault.Invalid, "model %q has no tokenizer that is read here, expected tokenizer.json, or vocab.json with merges.txt", about.name)
	}
	for _, file := range weights {
		if slices.Contains(files, file) {
			return append(chosen, file), nil
		}
	}
	return nil, fault.New(fault.Invalid, "model %q has no weights that are read here, expected model.safetensors or pytorch_model.bin, whole or in shards", about.name)
}

// isIndex reports whether a file lists shards.
func isIndex(file string) bool { return strings.HasSuffix(file, indexSuffix) }

// shards reads which files an index names. They lie beside it and are among the repository's files.
func shards(about subject, index []byte, files []string) ([]string, error) {
	var listed struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(index, &listed); err != nil || len(listed.WeightMap) == 0 {
		return nil, fault.New(fault.Corrupt, "%s is not a weight index, expected JSON with a weight_map", about)
	}
	seen := map[string]bool{}
	for _, shard := range listed.WeightMap {
		seen[shard] = true
	}
	suffix := path.Ext(strings.TrimSuffix(about.file, indexSuffix)) // .safetensors or .bin
	var out []string
	for shard := range seen {
		if path.Base(shard) != shard || path.Ext(shard) != suffix || checkFile(shard) != nil || !slices.Contains(files, shard) {
			return nil, fault.New(fault.Corrupt, "%s names the shard %q, expected a *%s file beside it", about, shard, suffix)
		}
		out = append(out, shard)
	}
	slices.Sort(out)
	return out, nil
}
