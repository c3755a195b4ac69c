"""One iteration of PPO over fixed tensors, by TRL 0.11.4's own lines: PPOv2Trainer.train is cut into its parts, and these run
here on float32. Writes what went in and what came out as JSON.

Run with the Python of tests/peer/trl0114/venv:  golden.py > engine/ppo/testdata/golden.json
"""
import inspect
import json
import sys
import textwrap
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
import transformers
import trl
from accelerate import Accelerator
from trl.core import masked_mean, masked_whiten
from trl.trainer import ppov2_trainer
from trl.trainer.utils import AdaptiveKLController, RunningMoments, first_true_indices, truncate_response

SOURCE = inspect.getsource(ppov2_trainer.PPOv2Trainer.train).splitlines()


def part(first, last):
    """The lines of train from the one that begins with first to the one that begins with last, which is left out."""
    begin = next(i for i, line in enumerate(SOURCE) if line.strip().startswith(first))
    end = next(i for i in range(begin, len(SOURCE)) if SOURCE[i].strip().startswith(last))
    return textwrap.dedent("\n".join(SOURCE[begin:end]))


def case(seed, **changed):
    """Six answers of up to eight tokens from a vocabulary of seven; 5 ends an answer, 6 pads."""
    torch.manual_seed(seed)
    answers, window, vocabulary, stop, pad = 6, 8, 7, 5, 6
    args = SimpleNamespace(
        kl_coef=0.05, whiten_rewards=False, gamma=1.0, lam=0.95, missing_eos_penalty=None, cliprange=0.2, cliprange_value=0.2, vf_coef=0.1,
        temperature=0.7, stop_token_id=stop,
    )
    vars(args).update(changed)
    responses = torch.randint(0, stop, (answers, window))
    for row, at in [(0, 3), (1, window - 1), (2, 0), (3, window - 2)]:  # the others never end
        responses[row, at] = stop
    old_logits, ref_logits = torch.randn(answers, window, vocabulary), torch.randn(answers, window, vocabulary)
    moved = (old_logits + 0.3 * torch.randn_like(old_logits)).requires_grad_()
    values, scores = torch.randn(answers, window), torch.randn(answers)
    predicted = (values + 0.3 * torch.randn_like(values)).requires_grad_()
    given = {
        "args": {k: v for k, v in vars(args).items() if v is not None}, "responses": responses.tolist(), "old_logits": old_logits.tolist(),
        "ref_logits": ref_logits.tolist(), "new_logits": moved.tolist(), "values": values.tolist(), "new_values": predicted.tolist(), "scores": scores.tolist(),
    }

    space = dict(
        vars(ppov2_trainer), args=args, torch=torch, F=F, responses=responses, scores=scores.clone(), values=values.clone(), response=responses,
        self=SimpleNamespace(args=args, tokenizer=SimpleNamespace(eos_token_id=stop, pad_token_id=pad)), tokenizer=SimpleNamespace(pad_token_id=pad),
        logits=old_logits / (args.temperature + 1e-7), ref_logits=ref_logits.clone(),
    )
    run = lambda first, last: exec(part(first, last), space)
    run("all_logprob = ", "del logits")
    run("ref_logits /= ", "del ref_output")
    run("postprocessed_response = response", "# Response Processing 2")
    run("sequence_length = ", "unwrapped_value_model")
    space.update(logprobs=space["logprob"], ref_logprobs=space["ref_logprob"], postprocessed_responses=space["postprocessed_response"],
                 sequence_lengths=space["sequence_length"])
    run("contain_eos_token = ", "torch.cuda.empty_cache()")

    everything = torch.arange(answers)
    space.update(micro_batch_inds=everything, logits=moved, vpred_temp=predicted, context_length=1)
    picks = part("mb_advantage = ", "output, vpred_temp = ").replace("query_responses[", "responses[")
    exec(picks, space)
    # forward() is what the fixed tensors stand for; the division is in place there
    space["logits"] = moved / (args.temperature + 1e-7)
    run("new_all_logprobs = ", "vpred = vpred_temp")
    space["vpred"] = predicted
    run("vpred = torch.masked_fill", "accelerator.backward")
    space["loss"].backward()
    run("pg_clipfrac = ", "approxkl_stats")

    tensor = lambda name: space[name].detach().tolist()
    wanted = {name: tensor(name) for name in ["logprobs", "ref_logprobs", "kl", "rewards", "advantages", "returns", "pg_loss", "vf_loss", "loss",
                                              "vf_clipfrac", "pg_clipfrac"]}
    wanted["lengths"] = (space["sequence_lengths"] + 1).tolist()
    wanted["logits_grad"], wanted["values_grad"] = moved.grad.tolist(), predicted.grad.tolist()
    return {"given": given, "wanted": wanted}


def controllers():
    controller, moments, steps = AdaptiveKLController(0.2, 6.0, 10000), RunningMoments(Accelerator(cpu=True)), []
    for seed, kl in enumerate([0.5, 7.0, 5.9, 60.0, 6.1]):
        torch.manual_seed(seed)
        scores = torch.randn(16) * (seed + 1) + seed
        controller.update(kl, 64)
        moments.update(scores)
        steps.append({"kl": kl, "coefficient": controller.value, "scores": scores.tolist(), "mean": moments.mean, "var": moments.var, "std": moments.std})
    return steps


json.dump({
    "versions": {"trl": trl.__version__, "torch": torch.__version__, "transformers": transformers.__version__, "numpy": np.__version__},
    "cases": {
        "default": case(1), "whiten_rewards": case(2, whiten_rewards=True), "missing_eos_penalty": case(3, missing_eos_penalty=1.0),
        "discounted": case(4, gamma=0.9, lam=0.5, kl_coef=0.3, vf_coef=1.0, cliprange=0.1, cliprange_value=0.05, temperature=1.0),
    },
    "controllers": controllers(),
}, sys.stdout)
