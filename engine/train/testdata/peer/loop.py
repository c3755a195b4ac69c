"""Writes ../loop.json: what transformers' Trainer logs, measures, saves and ends with, for losses that are given.

The model holds one number, the step it was saved at; the training loss of step n is 1/n and each evaluation takes the next
loss of the scenario, so that nothing but the flow of the loop is measured.

Versions the committed numbers were made with: Python 3.11.7, torch 2.11.0, transformers 5.23.0, accelerate 1.15.0.
Usage: python loop.py > ../loop.json
"""
import json
import os
import tempfile

import torch
import transformers
from transformers import EarlyStoppingCallback, PrinterCallback, Trainer, TrainingArguments


class Marked(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.register_buffer("step", torch.zeros(1))

    def forward(self, x, labels=None):
        return {"loss": (self.weight * x).sum()}


class Scripted(Trainer):
    def __init__(self, *args, losses, **kwargs):
        super().__init__(*args, **kwargs)
        self.losses, self.measured, self.saved = list(losses), [], []

    def training_step(self, model, inputs, num_items_in_batch=None):
        step = self.state.global_step + 1
        model.step.fill_(step)
        model.weight.grad = torch.full((1,), float(step))
        return torch.tensor(1.0 / step) / self.current_gradient_accumulation_steps

    def evaluate(self, *args, **kwargs):
        self.measured.append(self.state.global_step)
        metrics = {"eval_loss": self.losses.pop(0)}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _save_checkpoint(self, model, trial):
        self.saved.append(self.state.global_step)
        super()._save_checkpoint(model, trial)


def scenario(name, rows=12, losses=(), patience=0, threshold=0.0, **given):
    """Runs the Trainer; given are its arguments, beside those that all scenarios share."""
    shared = {"per_device_train_batch_size": 3, "gradient_accumulation_steps": 2, "max_steps": 10, "learning_rate": 1.0, "lr_scheduler_type": "linear", "logging_steps": 4}
    arguments = {**shared, **given}
    with tempfile.TemporaryDirectory() as folder:
        callbacks = [EarlyStoppingCallback(patience, threshold)] if patience else []
        data = [{"x": torch.ones(1), "labels": torch.zeros(1)} for _ in range(rows)]
        args = TrainingArguments(output_dir=folder, use_cpu=True, report_to="none", disable_tqdm=True, **arguments)
        trainer = Scripted(model=Marked(), args=args, train_dataset=data, eval_dataset=data[:2], callbacks=callbacks, losses=losses)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        state = trainer.state
        log = []
        for entry in state.log_history:
            log.append({k: entry[k] for k in ("step", "epoch", "loss", "learning_rate", "eval_loss", "train_loss") if k in entry})
        best = state.best_model_checkpoint
        counter = callbacks[0].early_stopping_patience_counter if callbacks else 0
        return {
            "name": name, "rows": rows, "args": arguments, "eval_losses": list(losses), "patience": patience, "threshold": threshold,
            "log": log, "measured": trainer.measured, "saved": trainer.saved, "ended": state.global_step, "weights_of": int(trainer.model.step.item()),
            "best_metric": state.best_metric, "best_global_step": state.best_global_step,
            "best_model_checkpoint": os.path.basename(best) if best else None, "counter": counter,
        }


transformers.logging.set_verbosity_error()
steps = {"eval_strategy": "steps", "eval_steps": 2, "save_strategy": "steps", "save_steps": 2}
epochs = {"eval_strategy": "epoch", "save_strategy": "epoch"}
best = {"load_best_model_at_end": True, "metric_for_best_model": "loss"}
down_up = [5.0, 4.0, 3.5, 3.6, 3.4, 3.7, 3.8, 3.9, 4.0, 4.1]
scenarios = [
    scenario("plain", save_strategy="steps", save_steps=3),
    scenario("first step is logged", save_strategy="no", logging_first_step=True),
    scenario("nothing is logged", save_strategy="no", logging_strategy="no"),
    scenario("logged by epoch", save_strategy="no", logging_strategy="epoch", max_steps=5),
    scenario("first step and epochs are logged", save_strategy="no", logging_strategy="epoch", logging_first_step=True, max_steps=3),
    scenario("the first step ends an epoch", rows=6, save_strategy="no", logging_strategy="epoch", logging_first_step=True, max_steps=2),
    scenario("shares of the run", save_strategy="steps", save_steps=0.35, eval_strategy="steps", eval_steps=0.21, logging_steps=0.15, losses=down_up),
    scenario("measured and saved at the end too", eval_strategy="steps", eval_steps=4, save_strategy="steps", save_steps=7, losses=down_up),
    scenario("no evaluation before a step", eval_strategy="steps", eval_steps=2, eval_delay=5, save_strategy="no", losses=down_up),
    scenario("no evaluation at all because of the delay", eval_strategy="steps", eval_steps=2, eval_delay=50, save_strategy="no", losses=down_up),
    scenario("no evaluation before an epoch", eval_strategy="epoch", eval_delay=2.5, save_strategy="no", losses=down_up),
    scenario("evaluation before the first step", eval_strategy="steps", eval_steps=5, eval_on_start=True, save_strategy="no", losses=down_up),
    scenario("the end falls into an epoch", max_steps=5, losses=down_up, **epochs),
    scenario("part of an epoch by epochs", max_steps=-1, num_train_epochs=1.5, rows=14, losses=down_up, **epochs),
    scenario("last rows dropped", max_steps=-1, num_train_epochs=2.0, rows=17, dataloader_drop_last=True, losses=down_up, **epochs),
    scenario("best step is loaded", losses=down_up, **steps, **best),
    scenario("best step between two saves is not", losses=[5.0, 4.0, 3.5, 3.6, 3.7], **{**steps, "save_steps": 4}, **best),
    scenario("best only is saved", losses=down_up, **{**steps, "save_strategy": "best"}, **best),
    scenario("best is tracked and not loaded", losses=down_up, metric_for_best_model="eval_loss", **steps),
    scenario("best is tracked and nothing is saved", losses=down_up, metric_for_best_model="eval_loss", **{**steps, "save_strategy": "no"}),
    scenario("greater is better", losses=down_up, greater_is_better=True, **steps, **best),
    scenario("best with the start measured", losses=[1.0] + down_up, eval_on_start=True, **steps, **best),
    scenario("best by epoch", losses=down_up, **epochs, **best),
    scenario("stops after one bad evaluation", losses=down_up, patience=1, **steps, **best),
    scenario("stops after two", losses=[5.0, 4.0, 4.5, 4.2, 3.0], patience=2, **steps, **best),
    scenario("a better one between starts the count anew", losses=[5.0, 4.0, 4.5, 3.9, 4.2, 4.3], patience=2, **steps, **best),
    scenario("an improvement below the threshold counts as none", losses=[5.0, 4.95, 4.9, 4.89, 3.0], patience=2, threshold=0.1, **steps, **best),
    scenario("an equal loss is no improvement", losses=[4.0, 4.0, 4.0, 1.0, 1.0], patience=2, **steps, **best),
    scenario("stops by epoch", losses=[4.0, 5.0, 6.0, 1.0, 1.0], patience=2, **epochs, **best),
    scenario("stops between two saves", losses=[4.0, 4.1, 4.2, 4.3, 1.0], patience=2, **{**steps, "save_steps": 4}, **best),
    scenario("stops at its last step", losses=[5.0, 4.0, 3.0, 2.0, 6.0], patience=1, **steps, **best),
    scenario("stops without loading", losses=[4.0, 5.0, 6.0, 1.0, 1.0], patience=1, metric_for_best_model="loss", **steps),
    scenario("stops within an epoch with epochs saved and logged", losses=[4.0, 5.0, 6.0], patience=1, metric_for_best_model="loss", eval_strategy="steps", eval_steps=3, save_strategy="epoch", logging_strategy="epoch"),
    scenario("saves the best and stops", losses=[4.0, 3.0, 5.0, 6.0, 1.0], patience=2, **{**steps, "save_strategy": "best"}, **best),
]
print(json.dumps(scenarios, separators=(",", ":")).replace('},{"name"', '},\n{"name"'))
