// Package access says who sits at the desk: personal tokens, OpenID Connect, and the session that either begins.
//
// A token is an ID and a random number of 256 bits. The store keeps the ID, and the salted SHA-256 of the number: a number of
// that size cannot be guessed, so that a slow hash would protect nothing and only give strangers a way to keep the desk busy.
// Tokens lie in one object of the store, changed by conditional writes, and are read anew for each request: what is revoked is
// refused by every desk from that moment on. A session is a sealed cookie; it ends when it is idle, when it is old, when its
// token is revoked, and when the reviewer signs out, which ends all sessions of that reviewer.
//
// It promises that numbers are compared in constant time and are never stored, logged or shown again. It refuses an unknown, a
// changed or a revoked token with the same words, and an identity of OpenID Connect without a verified name.
//
//	book := access.NewBook(store)
//	token, err := book.Add(ctx, "Person A", access.Approver)
//	person, err := book.Enter(ctx, token)
package access
