// Package hub brings a base model that is given by name, such as microsoft/DialoGPT-medium, from a model hub into the local
// cache: it speaks the API of huggingface.co, and keeps files where the Python library huggingface_hub keeps them. Each
// finds what the other has fetched.
//
// It promises that a snapshot it returns is whole, that each file has the digest the hub gave for it (SHA-256 of large
// files, git's SHA-1 of small ones; Snapshot.Unverified lists what came with neither), and that a broken transfer goes on
// where it stopped. The list of files is asked for at every call; files of a commit that are there are not. The
// token goes to the hub alone, never to a host that the hub sends the client on to, and it prints as ***.
//
// It fetches what a causal language model consists of and nothing else: configuration, tokenizer files, and one set of
// weights, safetensors before pytorch_model.bin. It refuses names of files that could lead out of the cache, and weights
// in any other format. It runs nothing that it fetches.
//
//	settings, err := hub.FromEnvironment(os.Getenv) // HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_OFFLINE and their kin
//	…
//	client, err := hub.New(settings)
//	…
//	name, err := hub.ParseName("microsoft/DialoGPT-medium@main")
//	…
//	snapshot, err := client.Fetch(ctx, name, func(p hub.Progress) { heartbeat(p.Done, p.Total) })
//	// snapshot.Folder holds snapshot.Files
package hub
