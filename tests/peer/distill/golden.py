"""The losses of TRL's GKDTrainer and their gradients, over linear heads of random rows, as JSON.

Versions the committed numbers were made with: Python 3.11.7, torch 2.11.0, trl 1.16.0 (written into the file).
Usage: python golden.py [SEED] > engine/loss/testdata/distill.json

All is float64: the numbers are right to the last digit that the file has. "share" mixes the divergence with the cross-entropy of
the targets, which TRL has not: it is torch's own. In the cases with "k" both distributions are those of the teacher's k most
probable words and of all others together; TRL's loss sees the logarithms of these as logits.
"""
import itertools
import os
import sys

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
import json

import torch
import torch.nn.functional as F
import trl
from trl.experimental.gkd import GKDTrainer

ROWS, WIDTH, TEACHER_WIDTH, WORDS = 7, 6, 9, 23


def classes(logits, ids, temperature):
    logp = F.log_softmax(logits / temperature, -1)
    kept = torch.zeros_like(logp, dtype=torch.bool).scatter(1, ids, True)
    rest = logp.masked_fill(kept, -torch.inf).logsumexp(-1, keepdim=True)
    return torch.cat([logp.gather(1, ids), rest], -1)


def main():
    torch.manual_seed(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
    draw = lambda *shape: torch.randn(*shape, dtype=torch.float32).double()  # what float32 holds exactly
    h, w, th, tw = draw(ROWS, WIDTH), draw(WORDS, WIDTH), draw(ROWS, TEACHER_WIDTH), draw(WORDS, TEACHER_WIDTH)
    targets, weights = torch.randint(WORDS, (ROWS,)), torch.randint(1, 4, (ROWS,)).double()
    cases = []
    for beta, temperature, share, k in itertools.product([0.0, 0.1, 0.5, 0.9, 1.0], [0.9, 1.0, 2.0], [1.0, 0.3], [0, 5]):
        hs, ws = h.clone().requires_grad_(), w.clone().requires_grad_()
        student, teacher, heat = hs @ ws.T, th @ tw.T, temperature
        case = {"beta": beta, "temperature": temperature, "share": share, "k": k}
        left, right = student, teacher
        if k > 0:
            ids = (teacher / temperature).topk(k).indices
            left, right, heat = classes(student, ids, temperature), classes(teacher, ids, temperature), 1.0
            case |= {"ids": ids.flatten().tolist(), "log_probs": right.flatten().tolist()}
        each = GKDTrainer.generalized_jsd_loss(left[None], right[None], beta=beta, temperature=heat, reduction="none")[0].sum(-1)
        nll = F.cross_entropy(student, targets, reduction="none")
        loss = (weights * (share * each + (1 - share) * nll)).sum()
        loss.backward()
        case |= {"divergence": each.tolist(), "nll": nll.tolist(), "loss": loss.item(), "h": hs.grad.flatten().tolist(), "w": ws.grad.flatten().tolist()}
        cases.append({name: value if name in ("k", "ids") else rounded(value) for name, value in case.items()})
    flat = {name: t.flatten().tolist() for name, t in {"h": h, "w": w, "teacher_h": th, "teacher_w": tw, "targets": targets, "weights": weights}.items()}
    print(json.dumps({"versions": {"torch": torch.__version__.split("+")[0], "trl": trl.__version__}, "rows": ROWS, **flat, "cases": cases}).replace('}, {', '},\n{'))


def rounded(value):
    return [rounded(v) for v in value] if isinstance(value, list) else float(f"{value:.9g}")


if __name__ == "__main__":
    main()
