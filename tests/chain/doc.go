// Package chain tests the whole chain as a user runs it: Temporal's own development server, the S3 gateway with its
// store, workers as processes of their own, and the workflows and activities between them. The engine is a toy,
// whose result shows every lost, doubled or wrong step; where the phases of PPO are looked at it is the real one, which
// needs the tag torch.
//
// It needs Temporal's command line (ELARA_TEMPORAL names one) and skips without it, saying so. With -update it records
// the histories that the replay test of package workflows runs.
package chain
