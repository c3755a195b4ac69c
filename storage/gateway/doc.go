// Package gateway is a real S3 server inside the process, over a folder: the embedded default, where no account and no
// container is at hand. It is versitygw's S3 API over its posix backend, with what a store of checkpoints needs added:
// an answer to a PUT is given only after the object and every folder above it are on the disk, and an object gets its
// name only after its bytes are there.
//
// It promises to survive kill -9 at any instant: every acknowledged object is there and whole, no torn one is visible,
// and an interrupted request leaves nothing that a listing shows. It serves what Elara and the usual S3 clients need to
// put, read, list and remove objects, conditional and in parts; copies, versions, policies and the like are answered
// with NotImplemented.
//
// It refuses to listen beyond this machine unless told to, and to share a folder with another gateway. One gateway
// runs per process.
//
//	g, err := gateway.Start(ctx, gateway.Options{
//		Folder: "state/s3", Address: "127.0.0.1:9000", AccessKey: key, SecretKey: secret, Buckets: []string{"elara"},
//	})
//	defer g.Close()
//	store, err := s3.Open(ctx, s3.Options{Endpoint: g.Endpoint(), Bucket: "elara", PathStyle: true, ...})
package gateway
