// Package exec is `elara-worker exec`: one stage on this machine, without Temporal and without a store, for debugging and
// for measuring. The forms of these commands are fixed; other tools rely on them.
//
// What needs the engine is there only in builds with the tag torch. Outputs appear whole or not at all.
//
//	elara-worker exec clean --in raw.csv --out cleaned.csv --ledger ledger.jsonl
//	elara-worker exec lora --config training_configs/patient_lora.json
package exec
