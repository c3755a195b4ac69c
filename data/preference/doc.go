// Package preference holds what people say of pairs of answers: the pairs and their digests, the judgements, what several
// judgements of a pair come to, and how far the reviewers agree. It knows no server and no model.
//
// A pair is a prompt and two answers, response_a and response_b. Its digest is the SHA-256 of the canonical JSON (RFC
// 8785) of these three, so that a judgement names the very texts that were judged; an identifier and notes of the pair's
// maker are kept beside it. Outcomes are free of the order in which the answers were shown, which is kept beside them.
//
// It promises that every judgement that goes in is counted once, and that a pair is decided only when more than half of
// its judgements say the same. It refuses pairs without a text, with two equal answers, or that are there twice, and
// bytes that are not UTF-8, each with the file and the line.
//
//	pairs, err := preference.ReadPairs("pairs.jsonl", file)
//	agreement := preference.Agree(len(pairs), []preference.Marks{preference.Marks("ab.t"), preference.Marks("aa.t")})
package preference
