// Package judge asks a language model behind an OpenAI-compatible server which of two answers is better, and says how far that agrees
// with measures of another kind. Such a judge prefers what it is shown first, what is longer and what sounds like itself (Zheng et al.,
// arXiv 2306.05685): each pair is shown in both orders, and a verdict that follows the order is none.
//
// It promises bounded tries and time, and errors without a word of a question, an answer, a reply or the token. It sends text to the
// server that it is given and follows no redirect. It refuses replies that are not one letter.
//
//	client := judge.New(plan, token)
//	verdict, err := client.Compare(ctx, judge.Pair{Question: "What is gout?", Old: "A rash.", New: "Crystals in a joint."})
package judge
