// Package wandb writes curves for Weights & Biases: always as an offline run that `wandb sync` takes, and, with an API
// key, to the server while the training goes on.
//
// It promises that all attempts of a training are one W&B run without a gap and without a step twice, that a training
// neither waits for a server nor fails over it, and that a server that cannot be reached is said once: the offline run
// has every point. The API key is sent to the named server and shown nowhere.
//
// W&B appends and never replaces: wandb sync, too, adds the lines of a file behind those of a run that is there. So the
// offline run holds exactly the points that W&B does not have, as far as this machine knows: it leaves out what the
// server confirmed and what wandb sync has marked as sent. Online, the server is asked for its newest step, and points
// after that are sent. A step that is run again after a crash gives the same loss, so what the server has stands.
//
// It refuses settings of W&B that it would ignore; what the client library does beyond curves and configuration (code,
// console output, system metrics, artifacts) is not done here.
//
//	options, err := wandb.FromEnvironment(os.Getenv)
//	sink, err := wandb.Open(dir, curve, options)
//	err = sink.Write(point)
package wandb
