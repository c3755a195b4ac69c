"""Trains with any of transformers' Trainers and writes down what it computes."""
import json
import os

from safetensors.torch import save_file
from transformers import TrainerCallback


class First(TrainerCallback):
    """Keeps the gradients of the first step, under the names that PEFT saves."""

    def __init__(self, model):
        self.model, self.gradients = model, {}

    def on_pre_optimizer_step(self, args, state, control, **kwargs):
        if state.global_step == 0:
            for name, p in self.model.named_parameters():
                if p.requires_grad:
                    self.gradients[saved(name)] = p.grad.detach().clone()


def saved(name):
    return name.replace(".default", "").replace(".modules_to_save", "")


def record(trainer, out, weights):
    """Leaves log.json, the mean loss of each step's pairs, and first.safetensors and final.safetensors."""
    losses, compute = [], trainer.compute_loss

    def compute_loss(*args, **kwargs):
        result = compute(*args, **kwargs)
        losses.append(float((result[0] if isinstance(result, tuple) else result).detach()))
        return result

    trainer.compute_loss = compute_loss
    first = First(trainer.model)
    trainer.add_callback(first)
    trainer.train()
    accumulated = trainer.args.gradient_accumulation_steps
    steps = [sum(losses[i:i + accumulated]) / accumulated for i in range(0, len(losses), accumulated)]
    json.dump(steps, open(os.path.join(out, "log.json"), "w"))
    save_file(first.gradients, os.path.join(out, "first.safetensors"))
    save_file({k: v.detach().contiguous() for k, v in weights().items()}, os.path.join(out, "final.safetensors"))
