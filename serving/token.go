package serving

import (
	"errors"
	"os"
	"strings"

	"elara/spec/fault"
)

// TokenVariable holds the token where no file is named.
const TokenVariable = "ELARA_SERVE_TOKEN"

// leastToken is how many characters a token has at least: one that is guessed lets anybody in.
const leastToken = 16

// ReadToken gives the token that callers show, from a file or else from the environment; empty where there is none.
func ReadToken(file string, getenv func(string) string) (string, error) {
	token, place := getenv(TokenVariable), TokenVariable
	if file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fault.At(file, 0, "cannot be read, expected a file with the token: %w", errors.Unwrap(err))
		}
		token, place = string(content), file
	}
	token = strings.TrimSpace(token)
	if file == "" && token == "" {
		return "", nil
	}
	if len(token) < leastToken || strings.ContainsAny(token, " \t\r\n") {
		return "", fault.New(fault.Invalid, "%s: expected a token of at least %d characters in one word", place, leastToken)
	}
	return token, nil
}
