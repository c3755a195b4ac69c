// Package listen answers HTTP where people and programs reach a server of ours: the desk and the server of models.
//
// It promises that what is under way is answered before Serve returns, and that no client holds a connection for ever. It
// refuses to be reached from other machines without TLS, and tells its callers by which host names a request may mean them.
//
//	at := listen.Listening{Address: "127.0.0.1:7450"}
//	err := listen.Serve(ctx, at, pages, func(url string) error { return announce(url) })
package listen
