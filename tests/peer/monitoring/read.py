# Has the peers read the curves that Elara wrote, and compares each point with what it must be. Versions: wandb 0.31.0,
# tensorboard 2.21.0.
#
#   python read.py DIR ONLINE SYNCED
#
# DIR is what the program beside this file wrote, ONLINE and SYNCED are the folders of two servers (stub.py): one got the
# curves while they were written, the other by `wandb sync`. Prints a line for each reader: NAME READ of EXPECTED.
import json
import math
import pathlib
import shutil
import sys
import tempfile

import tensorboard
import wandb
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

assert (wandb.__version__, tensorboard.__version__) == ("0.31.0", "2.21.0"), (wandb.__version__, tensorboard.__version__)
folder, online, synced = map(pathlib.Path, sys.argv[1:4])
expected = json.loads((folder / "expected.json").read_text())
run = "proof-1"


def jsonl(adapter):
    for line in (folder / run / adapter / "series.jsonl").read_text().splitlines():
        point = json.loads(line)
        yield point.pop("step"), point


def events(adapter):
    reader = EventAccumulator(str(folder / run / adapter), size_guidance={"scalars": 0})
    reader.Reload()
    assert "config" in reader.Tags()["tensors"], reader.Tags()
    yield from scalars(reader)


def open_events(adapter):
    """A reader that was open while the training was killed and went on: it sees the older file alone at first."""
    newest = sorted((folder / run / adapter).glob("events.out.tfevents.*"))[-2:]
    with tempfile.TemporaryDirectory() as place:
        reader = EventAccumulator(place, size_guidance={"scalars": 0})
        for file in newest:
            shutil.copy(file, place)
            reader.Reload()
        yield from scalars(reader)


def scalars(reader):
    for tag in reader.Tags()["scalars"]:
        for event in reader.Scalars(tag):
            yield event.step, {tag: event.value}


def history(server):
    def read(adapter):
        kept = json.loads((server / f"{run}-{adapter}.json").read_text())
        assert kept["complete"] and kept["rewritten"] == 0 and kept["group"] == run, {k: kept[k] for k in kept if k != "history"}
        assert json.loads(kept["config"])["max_length"]["value"] == 512, kept["config"]
        lines = [kept["history"][n] for n in sorted(kept["history"], key=int)]
        assert sorted(map(int, kept["history"])) == list(range(len(lines))), "lines are missing"
        for line in map(json.loads, lines):
            yield line["_step"], line

    return read


def compare(name, read, precision):
    right = wrong = said = 0

    def say(text):
        nonlocal said
        said += 1
        if said <= 3:
            print(f"{name}: {text}", file=sys.stderr)

    for adapter, points in expected.items():
        found, last = {}, {}
        for step, values in read(adapter):
            for key, value in values.items():
                if "/" not in key:
                    continue
                if key in found.setdefault(step, {}) or last.get(key, 0) >= step:
                    say(f"{adapter} has {key} of step {step} twice or out of order")
                    wrong += 1
                found[step][key], last[key] = value, step
        for step, point in points.items():
            got, all_of = found.pop(int(step), {}), point["must"] | point["may"]
            same = point["must"].keys() <= got.keys() <= all_of.keys()
            if same and all(math.isclose(got[k], all_of[k], rel_tol=precision) for k in got):
                right += 1
            else:
                say(f"{adapter} step {step}: got {got}, expected {point}")
        wrong += len(found)
        if found:
            say(f"{adapter} has steps {sorted(found)} that nobody logged")
    total = sum(map(len, expected.values()))
    print(f"{name} {max(0, right - wrong)} of {total}")


compare("series.jsonl", jsonl, 1e-15)
compare("tensorboard", events, 1e-7)  # single precision
compare("tensorboard-open", open_events, 1e-7)
compare("wandb-sync", history(synced), 1e-15)
compare("wandb-online", history(online), 1e-15)
