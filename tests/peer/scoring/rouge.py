"""Writes the golden values of scoring/accuracy: ROUGE-L's F-measure of Google's rouge_score for pairs of texts.

    python3 -m venv VENV && VENV/bin/pip install rouge-score==0.1.2 && VENV/bin/python tests/peer/scoring/rouge.py

No stemmer, as scoring/accuracy has none. The pairs are the first ones of scoring/accuracy/testdata/dev.jsonl and some hard
ones.
"""
import json
from importlib.metadata import version
from pathlib import Path

from rouge_score import rouge_scorer

HARD = [
    ("the cat sat on the mat", "the cat lay on a mat"),
    ("", "nothing to compare with"),
    ("one two three", ""),
    ("500 mg b.i.d., 0.5 %", "0.5% 500mg BID"),
    ("a b c d e f g", "g f e d c b a"),
    ("naïve café — 38,5 °C", "naive cafe 38.5 C"),
    ("repeat repeat repeat", "repeat"),
]
root = Path(__file__).parents[3] / "scoring/accuracy/testdata"
pairs = HARD + [(item["reference"], item["answer"]) for item in map(json.loads, (root / "dev.jsonl").read_text().splitlines()[:60])]
scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
rows = [{"reference": r, "answer": a, "rougeL": scorer.score(r, a)["rougeL"].fmeasure} for r, a in pairs]
with open(root / "rouge.json", "w") as out:
    json.dump({"rouge_score": version("rouge-score"), "pairs": rows}, out, ensure_ascii=False, indent=1)
    out.write("\n")
