// Command distill holds distillation to two bounds. The losses and gradients of TRL's GKDTrainer, run anew over random heads, are
// compared with the engine's. Then a student of half the layers of SmolLM2 learns from it with an adapter, and the same student from
// the same rows alone; both are measured on the same held-out rows.
//
// ELARA_MEDQUAD names a folder of CSV files with rows; without it the project's own sample stands in. ELARA_DISTILL_STEPS says how
// long students learn (120), ELARA_DISTILL_BASE=tiny takes a tiny model that is trained first in place of SmolLM2.
package main
