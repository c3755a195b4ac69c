// Package deploy holds the tests of what docker-compose.yml and deploy/ promise: no container engine is needed, only
// the files. That they work together is shown by tests/proof/postgres.
package deploy
