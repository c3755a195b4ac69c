"""Writes data/preference/testdata/agreement.json: Krippendorff's alpha by the package krippendorff, for the worked examples
of the literature and for drawn judgements with missing values. Versions: krippendorff 0.8.1, numpy 2.4.6, Python 3.

    python3 -m venv peers && peers/bin/pip install krippendorff==0.8.1 numpy==2.4.6
    peers/bin/python tests/peer/preferences/agreement.py
"""

import json
import random
from importlib.metadata import version

import krippendorff
import numpy as np

# K. Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011: data of its section D (four observers, twelve units,
# values missing) and B (two observers, five values).
SECTION_D = [
    "1 2 3 3 2 1 4 1 2 * * *",
    "1 2 3 3 2 2 4 1 2 5 * 3",
    "* 3 3 3 2 3 4 2 2 5 1 *",
    "1 2 3 3 2 4 4 1 2 5 1 *",
]
SECTION_B = ["1 1 2 2 4 3 3 3 5 4 4 1", "2 1 2 2 2 3 3 3 5 4 4 4"]


def table(lines):
    return np.array([[np.nan if v == "*" else float(v) for v in line.split()] for line in lines])


def alpha(data, level):
    try:
        value = krippendorff.alpha(reliability_data=data, level_of_measurement=level)
    except ValueError:  # one value in all
        return None
    return None if np.isnan(value) else float(value)


def examples():
    for name, lines in [("section D", SECTION_D), ("section B", SECTION_B)]:
        data = table(lines)
        units = [[int(np.sum(data[:, u] == v)) for v in range(1, 6)] for u in range(data.shape[1])]
        yield {"name": name, "units": units, "nominal": alpha(data, "nominal"), "ordinal": alpha(data, "ordinal")}


def drawn():
    rng = random.Random(20110125)
    value = {"a": 0, "t": 1, "b": 2, "x": 3}
    for reviewers, pairs, agree in [(2, 10, 0.9), (3, 40, 0.5), (5, 200, 0.2), (10, 100, 0.7), (4, 60, 0.0)]:
        truth = [rng.choice("abtx") for _ in range(pairs)]
        rows = []
        for _ in range(reviewers):
            row = "".join(
                "." if rng.random() < 0.3 else (t if rng.random() < agree else rng.choice("aabbtx")) for t in truth
            )
            rows.append(row)
        nominal = np.array([[value.get(c, np.nan) for c in row] for row in rows], dtype=float)
        ordinal = nominal.copy()
        ordinal[ordinal == 3] = np.nan  # both bad has no place between the two answers
        compared = [u for u in range(pairs) if np.sum(~np.isnan(nominal[:, u])) > 1]
        yield {
            "marks": rows,
            "pairs": len(compared),
            "values": int(np.sum(~np.isnan(nominal[:, compared]))),
            "nominal": alpha(nominal, "nominal"),
            "ordinal": alpha(ordinal, "ordinal"),
        }


with open("data/preference/testdata/agreement.json", "w") as out:
    json.dump(
        {"krippendorff": version("krippendorff"), "numpy": np.__version__, "examples": list(examples()), "drawn": list(drawn())},
        out, indent=1,
    )
    out.write("\n")
