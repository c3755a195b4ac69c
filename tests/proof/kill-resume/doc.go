// Command kill-resume proves that a killed run ends in the bytes of an undisturbed one: the same small pipeline runs
// once in peace, and once for each disturbance, in state folders of their own, on what `elara up` starts: a real
// Temporal server, the real S3 gateway, and the worker with the engine. Each kill is SIGKILL, and is dealt while the
// object store says that the training is between its first and its last step. Its last line is the proof's.
//
// A killed worker is missed after the heartbeat timeout of package workflows. The disturbed runs wait for it side by
// side, so the proof takes some minutes.
package main
