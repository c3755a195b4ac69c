// Package endpoint asks a server by a POST of JSON: what scorers and judges of answers behind HTTP have in common.
//
// It promises that tries, time and the length of a reply are bounded, and errors without a word of what was sent, of what was
// replied, or of the token. It follows no redirect: the text of patients goes to the server that was named, or nowhere.
//
//	scorer := endpoint.Endpoint{URL: url, Timeout: 30 * time.Second, Retries: 3, MaxReply: 1 << 20}
//	reply, err := scorer.Post(ctx, map[string]any{"answers": answers})
package endpoint
