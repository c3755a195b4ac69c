// Package gatewaytest runs tests over a real S3 server: the embedded gateway on a folder of the test's own.
//
//	open := gatewaytest.Start(t)
//	store := open(t) // empty; open as many as you like
package gatewaytest
