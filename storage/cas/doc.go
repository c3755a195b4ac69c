// Package cas holds blobs under the SHA-256 of their content: "cas/sha256/<digest>". A blob is put once, never changed,
// and shared by everything that holds the same bytes: checkpoints, artifacts, their manifests.
//
// Read promises the right bytes or an error: what does not match its digest is Corrupt. Put promises that the blob is
// there and has the right size afterwards, without sending it when it already is.
//
// Sweep removes blobs that nothing marks. It relies on FreshFor: a blob that is older is sent again by Put instead of
// being taken as found, so that a blob which a writer counts on is never old enough to be swept.
//
//	digest, err := cas.PutBytes(ctx, store, content)
//	content, err = cas.Read(ctx, store, digest)
package cas
