// Package localhub is a model hub on this machine for tests of what lies around the hub's client: it answers as
// huggingface.co does, for models that lie in folders. The client's own tests, in data/hub, have one that misbehaves.
//
// Accept starts one that takes uploads instead.
//
//	localhub.Start(t, map[string]string{"acme/tiny": "testdata/tiny"}) // HF_ENDPOINT and HF_HOME are set until t ends
package localhub
