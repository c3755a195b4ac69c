// Package runlog keeps the curve of a training: loss, held-out loss, learning rate, gradient norm, speed, memory and
// utilisation by step, with the configuration, as JSONL and in whatever else was asked for.
//
// It promises one series without a gap and without a step twice over any number of restarts, on this machine or
// another: a training that goes on from a checkpoint hands over that checkpoint's trainer_state.json, whose log is the
// truth about all steps before; what was measured after the checkpoint is dropped, for those steps are run again. A
// folder that cannot be written is an error before the training begins; after that no sink ever stops or delays a
// training: one that fails is left out from there on, and that is said once.
//
// It refuses to know where its numbers come from (spec.Progress brings them) and to read text of rows.
//
// A folder DIR/RUN/ADAPTER holds run.json (whose curve, configuration, attempts), series.jsonl (a point a line),
// events.out.tfevents.* and wandb/. DIR/RUN/report.html shows all adapters of the run that trained on this machine.
//
//	log, err := runlog.Open(runlog.Options{Dir: dir, Run: "demo-1", Adapter: "patient", Config: job, State: state})
//	if err != nil {
//		return err
//	}
//	log.Observe(progress) // after every step
//	log.Close(done)
package runlog
