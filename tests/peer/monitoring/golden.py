# Writes the golden files that the Go tests of telemetry/tensorboard and telemetry/wandb compare with. Versions: wandb
# 0.31.0, tensorboard 2.21.0.
#
#   python golden.py [ROOT]
#
# events.hex: an event file, framed and encoded by tensorboard. records.hex: records of W&B, encoded by wandb's own
# classes. core.wandb: an offline run that the client wrote itself, larger than one block of its log.
import io
import os
import pathlib
import random
import shutil
import sys
import tempfile

os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_ERROR_REPORTING="false")
import tensorboard
import wandb
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2
from tensorboard.summary.writer.record_writer import RecordWriter
from wandb.proto import wandb_internal_pb2 as pb

assert (wandb.__version__, tensorboard.__version__) == ("0.31.0", "2.21.0")
root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "telemetry"
TIME = 1_795_338_000.25  # 22 November 2026, 09:00 UTC and a quarter of a second


class Kept(io.BytesIO):
    def close(self):
        pass


def lines(data, width=32):
    return "".join(data[i : i + width].hex() + "\n" for i in range(0, len(data), width))


# A file that begins at TIME, with a configuration, a point of step 3 at TIME + 1 s and one of step 24 without a time.
Value = summary_pb2.Summary.Value
text = tensor_pb2.TensorProto(dtype=7, string_val=[b"| key | value |\n|---|---|\n| max_length | `512` |\n| seed | `null` |\n"])
metadata = summary_pb2.SummaryMetadata(plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="text"))
file = Kept()
writer = RecordWriter(file)
for event in [
    event_pb2.Event(wall_time=TIME, file_version="brain.Event:2"),
    event_pb2.Event(wall_time=TIME, session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START)),
    event_pb2.Event(wall_time=TIME, summary=summary_pb2.Summary(value=[Value(tag="config", tensor=text, metadata=metadata)])),
    event_pb2.Event(wall_time=TIME + 1, step=3, summary=summary_pb2.Summary(value=[
        Value(tag="train/loss", simple_value=2.5), Value(tag="train/learning_rate", simple_value=2e-4)])),
    event_pb2.Event(wall_time=TIME, step=24, summary=summary_pb2.Summary(value=[Value(tag="eval/loss", simple_value=1.1)])),
]:
    writer.write(event.SerializeToString())
(root / "tensorboard/testdata/events.hex").write_text(lines(file.getvalue()))

# The same run for W&B.
header = pb.Record(num=1, header=pb.HeaderRecord(version_info=pb.VersionInfo(producer="elara", min_consumer="0.70.0")))
run = pb.Record(num=2, run=pb.RunRecord(
    run_id="demo-1-patient", entity="clinic", project="elara-medical-lora", run_group="demo-1", display_name="first", tags=["a", "b"],
    config=pb.ConfigRecord(update=[pb.ConfigItem(key="max_length", value_json="512"), pb.ConfigItem(key="seed", value_json="null")])))
run.run.start_time.seconds, run.run.start_time.nanos = int(TIME), 250_000_000
values = {"train/loss": "2.5", "train/learning_rate": "0.0002", "_step": "3", "_timestamp": "1795338001.250", "_runtime": "1.000"}
summary = pb.Record(num=3, summary=pb.SummaryRecord(update=[pb.SummaryItem(nested_key=[k], value_json=v) for k, v in values.items()]))
history = pb.Record(num=4, history=pb.HistoryRecord(
    item=[pb.HistoryItem(nested_key=[k], value_json=v) for k, v in values.items()], step=pb.HistoryStep(num=3)))
exit = pb.Record(num=5, exit=pb.RunExitRecord())
(root / "wandb/testdata/records.hex").write_text("".join(r.SerializeToString().hex() + "\n" for r in [header, run, summary, history, exit]))

# An offline run of the client's own. Values of random length end blocks at odd places.
with tempfile.TemporaryDirectory() as place:
    settings = wandb.Settings(console="off", x_disable_stats=True, x_disable_meta=True, disable_git=True, save_code=False, host="host")
    lengths = random.Random(7)
    with wandb.init(project="peer", id="peer", dir=place, settings=settings) as peer:
        for step in range(1, 40):
            peer.log({"text": "x" * lengths.randrange(0, 500)}, step=step)
        peer.log({"text": "y" * 34_000}, step=40)  # a record over three blocks
    shutil.copy(next(pathlib.Path(place).glob("wandb/offline-run-*/*.wandb")), root / "wandb/testdata/core.wandb")
