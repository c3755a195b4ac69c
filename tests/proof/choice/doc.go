// Command choice scores the project's own multiple-choice items with SmolLM2, in all forms, beside lm-evaluation-harness on the same
// files, choice by choice, and then takes the time of both over 1,000 questions in turns: with letters (generic) and with texts (cloze).
//
// The worker's time is that of its whole process, loading included; the harness's is that of its requests alone. Beside the letters stands a
// script that no user has but could write: transformers with one pass a question, sorted by length, and logits of the last token only ("plain").
package main
