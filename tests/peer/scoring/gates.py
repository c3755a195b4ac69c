"""Writes scoring/gates/testdata/golden.json: BCa intervals by scipy, exact McNemar and Holm by statsmodels, and Tango's
interval by maximising the likelihood numerically.

    python3 -m venv peers && peers/bin/pip install scipy==1.17.0 statsmodels==0.14.6
    peers/bin/python tests/peer/scoring/gates.py
"""

import json
import math
import pathlib
from importlib.metadata import version

import numpy as np
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

RESAMPLES, SEED, WORD = 10_000, 6, (1 << 64) - 1
WEYL = 0x9E3779B97F4A7C15


def mix(x):
    """SplitMix64's output function (Steele et al., OOPSLA 2014) over an array of uint64."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def draws(n):
    """The units of all resamples, [resample, place]: the draws that the gates make."""
    resample = np.arange(1, RESAMPLES + 1, dtype=np.uint64)
    place = np.arange(1, n + 1, dtype=np.uint64)
    base = mix(np.uint64(SEED) + resample * np.uint64(WEYL))
    word = mix(base[:, None] + place[None, :] * np.uint64(WEYL))
    return np.array([[(int(w) * n) >> 64 for w in row] for row in word])


def ratio(sums, weights, axis=-1):
    return np.sum(sums, axis=axis) / np.sum(weights, axis=axis)


def bca(sums, weights):
    index = draws(len(sums))
    distribution = ratio(sums[index], weights[index])
    given = stats.bootstrap((sums, weights), ratio, paired=True, n_resamples=2, method="percentile", vectorized=True)
    given.bootstrap_distribution = distribution
    result = stats.bootstrap((sums, weights), ratio, paired=True, n_resamples=0, method="BCa", bootstrap_result=given, vectorized=True)
    low, high = result.confidence_interval
    return {"value": float(ratio(sums, weights)), "low": float(low), "high": float(high), "error": float(np.std(distribution, ddof=1))}


def p_worse(sums, weights):
    """The confidence level at which the upper end of scipy's one-sided BCa interval is 0."""
    index = draws(len(sums))
    given = stats.bootstrap((sums, weights), ratio, paired=True, n_resamples=2, method="percentile", vectorized=True)
    given.bootstrap_distribution = ratio(sums[index], weights[index])

    def high(level):
        r = stats.bootstrap((sums, weights), ratio, paired=True, n_resamples=0, method="BCa", bootstrap_result=given,
                            vectorized=True, confidence_level=level, alternative="less")
        return r.confidence_interval.high

    return 1 - optimize.brentq(high, 1e-3, 1 - 1e-3, xtol=1e-10)


def tango(better, worse, n):
    """Score interval of a paired difference: the likelihood under the constraint is maximised by search, not by formula."""
    same = n - better - worse

    def loglik(q, d):  # q: only the old model is right; q + d: only the new one is
        terms = [(better, q + d), (worse, q), (same, 1 - 2 * q - d)]
        return sum(k * math.log(max(p, 1e-300)) for k, p in terms if k)

    def z(d):
        low, high = max(0, -d), (1 - d) / 2
        # The score variance n (2q + d - d^2), at the constrained estimate.
        best = optimize.minimize_scalar(lambda q: -loglik(q, d), bounds=(low, high), method="bounded", options={"xatol": 1e-13})
        q = min([best.x, low, high], key=lambda q: -loglik(q, d))
        return (better - worse - n * d) / math.sqrt(n * (2 * q + d * (1 - d)))

    value, limit = (better - worse) / n, stats.norm.ppf(0.975)
    small = 1e-9
    return {
        "better": better, "worse": worse, "items": n, "value": value,
        "low": optimize.brentq(lambda d: z(d) - limit, -1 + small, value - small),
        "high": optimize.brentq(lambda d: z(d) + limit, value + small, 1 - small),
        "p_worse": float(stats.binomtest(worse, better + worse, 0.5, alternative="greater").pvalue) if better + worse else 1.0,
        "two_sided": float(mcnemar([[same, worse], [better, 0]], exact=True).pvalue),
    }


def main():
    np.seterr(over="ignore")
    rng = np.random.default_rng(20)
    samples = []
    for name, n, shift, per in [("skewed", 60, 0.02, 1), ("worse", 45, -0.05, 1), ("clusters", 80, 0.0, 4), ("weighted", 50, 0.05, 1)]:
        old = np.round(rng.gamma(2, 0.5, n), 6)
        new = np.round(old + shift + rng.gamma(1, 0.2, n) - 0.2, 6)
        weights = rng.integers(3, 60, n).astype(float) if name == "weighted" else np.ones(n)
        cluster = np.arange(n) // per
        k = cluster.max() + 1
        sums = np.array([np.sum((weights * (new - old))[cluster == c]) for c in range(k)])
        total = np.array([np.sum(weights[cluster == c]) for c in range(k)])
        samples.append({
            "name": name, "old": old.tolist(), "new": new.tolist(), "weights": weights.tolist(),
            "clusters": [f"case {c}" for c in cluster], **bca(sums, total), "p_worse": p_worse(sums, total),
        })
    p = [0.011, 0.2, 0.003, 0.04, 0.013]
    golden = {
        "versions": {name: version(name) for name in ("scipy", "statsmodels", "numpy")},
        "bootstrap": samples,
        "yes_no": [tango(*case) for case in [(3, 12, 80), (12, 3, 80), (0, 0, 40), (5, 0, 30), (0, 5, 30), (7, 9, 200), (1, 0, 100)]],
        "holm": {"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()},
        "rule_of_three": {str(n): float(stats.beta.ppf(0.95, 1, n)) for n in (10, 48, 300)},
    }
    path = pathlib.Path(__file__).parents[3] / "scoring/gates/testdata/golden.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
