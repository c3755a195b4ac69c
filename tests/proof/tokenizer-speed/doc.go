// Command tokenizer-speed measures data/tokenizer beside Python's tokenizers 0.23: the published vocabularies of GPT-2,
// SmolLM2, Llama-3 and Qwen3, medical text, both on one core, in turns. It prints MB per CPU-second, which other work on
// the machine hardly changes; both sides count all that their process spends, Go's garbage collector included.
//
// Each round reads a part of the text that neither side has seen, so that what is remembered is words and not answers.
// Python encodes in the quickest way that it has (encode_batch_fast, one thread). Every part's ids are compared too.
//
// Then come texts that have made tokenizers slow or quadratic: a million of one letter, of digits, of white space, of
// letters without a space. For them a byte of 1 MB must take at most twice the time of a byte of 64 kB.
package main
