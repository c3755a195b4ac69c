// Package tokenizer turns text into token ids with byte-level byte-pair encoding, exactly as Python's tokenizers does.
//
// It reads tokenizer.json, the pair vocab.json and merges.txt, the configuration files beside them, and the tokenizer
// inside a GGUF file; it writes files that transformers loads with the same ids. For GPT-2, SmolLM2, Llama-3 and Qwen3
// every id is the one that Python gives, special tokens within the text included. Encoding takes time almost in
// proportion to the text (n log n for one endless word), whatever the text.
//
// It refuses what it would only approximate: a model other than BPE, a component or a splitting pattern that it does
// not know, dropout, an id that the vocabulary does not explain. The error names the file and the thing.
//
// Text need not be valid UTF-8; bytes that are not go through as they are. A byte that the vocabulary has no token for
// is lost, as in Python: SmolLM2's vocabulary lacks six control characters and planes of Unicode in which
// nothing is assigned.
//
//	t, err := tokenizer.Load("model/")
//	if err != nil {
//		return err
//	}
//	ids := t.Encode("Take 5 mg twice a day.")
//	if end, _, ok := t.EOS(); ok {
//		ids = append(ids, end)
//	}
//	text := t.Decode(ids, true)
package tokenizer
