// Package desk is the web pages at which clinicians compare answers and decide on candidates: HTML made on the server, one
// sheet of style, and a script without which everything works too.
//
// It decides nothing: it is one more client of the workflows' Updates, beside the command line. It promises that a judgement
// or a decision is confirmed to a person only when its Update was accepted, that it carries the name of whoever is signed in,
// and that what was typed is on the page that says why it was not taken. Each act is in the audit log before it is done, and
// its outcome after.
//
// It refuses to be reached from other machines without TLS, requests that another site made a browser send, bodies that are
// too long, and whoever asks too often.
//
//	pages, err := desk.New(desk.Options{Server: server, Store: store, Folder: folder})
//	err = listen.Serve(ctx, listen.Listening{Address: "127.0.0.1:7450"}, pages.Handler(), announce)
package desk
