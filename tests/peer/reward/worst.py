"""Keeps the largest of each figure, and says whether they hold a bound.

Usage: python worst.py JSON JSON...; prints the largest of each figure of the first that is in the others, as JSON.
       python worst.py --figure JSON BOUND NAME...; prints the figures, and fails where one is above the bound, or NaN.
"""
import json
import sys

if sys.argv[1] == "--figure":
    worst, bound, names = json.loads(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]
    words = {"loss": "loss", "gradients": "gradients", "weights": "weights", "max_abs": "scores"}
    print(", ".join(f"{words[n]} {worst[n]:.1e}" for n in names))
    sys.exit(not all(worst[n] <= bound for n in names))
first, *others = map(json.loads, sys.argv[1:])
for other in others:
    for name in first.keys() & other.keys():
        first[name] = other[name] if not other[name] <= first[name] else first[name]
print(json.dumps(first))
