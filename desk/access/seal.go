package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"elara/spec/fault"
)

// Sealer makes texts that only the holder of its key can make: HMAC-SHA256 over a purpose and JSON.
type Sealer struct{ key []byte }

const keySize = 32 // bytes

// LoadSealer reads the key of a file, and makes one the first time, readable by its owner only. Desks that share the file
// accept each other's sessions.
func LoadSealer(path string) (*Sealer, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		key := make([]byte, keySize)
		_, _ = rand.Read(key) // it never fails
		_, err = file.Write(key)
		if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
			return nil, fmt.Errorf("make the key of the sessions: %w", err)
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make the key of the sessions: %w", err)
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the key of the sessions: %w", err)
	}
	if len(key) != keySize {
		return nil, fault.WithHint(fault.At(path, 0, "a key of %d bytes, expected %d", len(key), keySize),
			"remove it: a new one is made, and everybody signs in again")
	}
	return &Sealer{key}, nil
}

// Seal writes a value down for a purpose; a text sealed for another one does not open.
func (s *Sealer) Seal(purpose string, value any) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(text) + "." + base64.RawURLEncoding.EncodeToString(s.sign(purpose, text)), nil
}

// Open reads what Seal wrote, and reports whether it did.
func (s *Sealer) Open(purpose, sealed string, into any) bool {
	body, signature, cut := strings.Cut(sealed, ".")
	text, err := base64.RawURLEncoding.DecodeString(body)
	signed, signErr := base64.RawURLEncoding.DecodeString(signature)
	return cut && err == nil && signErr == nil && hmac.Equal(signed, s.sign(purpose, text)) && json.Unmarshal(text, into) == nil
}

func (s *Sealer) sign(purpose string, text []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(purpose + "\n"))
	mac.Write(text)
	return mac.Sum(nil)
}
