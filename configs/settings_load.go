package configs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"elara/spec/fault"

	"github.com/spf13/pflag"
)

// settingsFileVariable names the settings file where no flag does.
const settingsFileVariable = "ELARA_CONFIG"

// AddSettingsFlags registers a flag for every setting that is no secret and no file of one: --temporal-address,
// --s3-bucket and so on.
func AddSettingsFlags(flags *pflag.FlagSet) {
	table := new(settingsReader).keys()
	leaves := table.leaves()
	for _, path := range sortedPaths(leaves) {
		if k := leaves[path]; !k.secret {
			flags.String(flagName(path), k.fallback, fmt.Sprintf("%s (%s, also $%s)", strings.TrimSuffix(k.help, "."), path, variable(path)))
			if k.kind == "true or false" {
				flags.Lookup(flagName(path)).NoOptDefVal = "true"
			}
		}
	}
}

// LoadSettings reads the settings file, then ELARA_ environment variables, then the flags that were given; the later
// wins. An empty path means the file that $ELARA_CONFIG names, or none. Flags may be nil.
func LoadSettings(path string, flags *pflag.FlagSet) (Settings, error) {
	if path == "" {
		path = os.Getenv(settingsFileVariable)
	}
	tree := &node{shape: shapeObject, origin: origin{file: "settings"}}
	if path != "" {
		var err error
		if tree, err = parseFile(path); err != nil {
			return Settings{}, err
		}
	}
	table := new(settingsReader).keys()
	if err := checkEnvironment(table); err != nil {
		return Settings{}, err
	}
	file, err := table.canonical(tree, "")
	if err != nil {
		return Settings{}, err
	}
	above, err := overlay(table, flags, nil)
	if err != nil {
		return Settings{}, err
	}
	merged := merge(file, above)
	merged.origin = tree.origin
	return decodeSettings(merged)
}

// decodeSettings reads a canonical tree.
func decodeSettings(tree *node) (Settings, error) {
	reader := &settingsReader{}
	if err := reader.keys().decode(tree, ""); err != nil {
		return Settings{}, err
	}
	return reader.settle(tree)
}

// settle reads secret files, derives what follows from other keys and refuses what contradicts itself.
func (r *settingsReader) settle(tree *node) (Settings, error) {
	s := &r.settings
	for _, secret := range r.secretFiles {
		if err := secret.read(tree); err != nil {
			return Settings{}, err
		}
	}
	if s.S3.AccessKey.IsZero() != s.S3.SecretKey.IsZero() {
		return Settings{}, tree.place("s3").errorf("s3: only one of access_key and secret_key is given, expected both or neither")
	}
	tls := &s.Temporal.TLS
	if (tls.CertFile == "") != (tls.KeyFile == "") {
		return Settings{}, tree.place("temporal", "tls").errorf("temporal.tls: only one of cert_file and key_file is given, expected both or neither")
	}
	for _, file := range []struct{ key, path string }{{"cert_file", tls.CertFile}, {"key_file", tls.KeyFile}, {"ca_file", tls.CAFile}} {
		if _, err := os.Stat(file.path); file.path != "" && err != nil {
			return Settings{}, tree.place("temporal", "tls", file.key).errorf("temporal.tls.%s: %q cannot be opened: %w, expected a PEM file", file.key, file.path, unwrapPath(err))
		}
	}
	tls.Enabled = tls.Enabled || tls.CertFile != "" || tls.CAFile != "" || tls.ServerName != "" || !s.Temporal.APIKey.IsZero()
	if s.CacheDir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return Settings{}, fault.WithHint(fault.New(fault.Invalid, "no cache folder: %w", err), "set cache_dir")
		}
		s.CacheDir = filepath.Join(cache, "elara")
	}
	return *s, nil
}

// longestSecret bounds what a secret file may hold, in bytes.
const longestSecret = 64 << 10

// read takes the secret from its file when one is named.
func (f secretFile) read(tree *node) error {
	if *f.file == "" {
		return nil
	}
	at := tree.place(strings.Split(f.path+"_file", ".")...)
	if !f.value.IsZero() {
		return at.errorf("%s and %s_file are both given, expected one of them", f.path, f.path)
	}
	file, err := os.Open(*f.file)
	if err != nil {
		return at.errorf("%s_file: %q cannot be opened: %w", f.path, *f.file, unwrapPath(err))
	}
	content, err := io.ReadAll(io.LimitReader(file, longestSecret+1))
	if err := errors.Join(err, file.Close()); err != nil {
		return at.errorf("%s_file: %q cannot be read: %w", f.path, *f.file, unwrapPath(err))
	}
	value := strings.TrimSpace(string(content))
	if value == "" || len(content) > longestSecret {
		return at.errorf("%s_file: %q has %d bytes, expected a secret of at most %d", f.path, *f.file, len(content), longestSecret)
	}
	*f.value = NewSecret(value)
	return nil
}
