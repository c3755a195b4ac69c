//go:build torch

package exec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"elara/data/hub"
)

// nameBase writes into a finished adapter where its base came from, so that PEFT finds it on the hub: the training knew
// only the folder that the base was laid out in.
func nameBase(adapter string, base hub.Name) error {
	path := filepath.Join(adapter, "adapter_config.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("name the base of the adapter: %w", err)
	}
	var config map[string]any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // numbers stay as they are written
	if err := decoder.Decode(&config); err != nil {
		return fmt.Errorf("name the base of the adapter: %s: %w", path, err)
	}
	config["base_model_name_or_path"] = base.Repo
	if base.Revision != "main" { // which PEFT, too, takes without one
		config["revision"] = base.Revision
	}
	var named bytes.Buffer
	encoder := json.NewEncoder(&named)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(config); err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return writeWhole(path, func(out io.Writer) error {
		if _, err := out.Write(bytes.TrimRight(named.Bytes(), "\n")); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		return nil
	})
}
