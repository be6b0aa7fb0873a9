"""What the trackers have written, read by other means than theirs, in one form."""

import json
import sqlite3
import struct
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from skrec.callback import MLflowTracker, TensorBoardTracker, WandbTracker


@dataclass
class Found:
    """A run as a store has it; series are lists of (step, value) by name."""

    name: str
    parent: str | None
    params: dict = field(default_factory=dict)
    series: dict = field(default_factory=dict)
    scores: dict = field(default_factory=dict)
    status: str = ""
    path: tuple = ()


class TensorBoard:
    name = "tensorboard"

    def __init__(self, folder):
        self.folder = Path(folder)

    def tracker(self):
        return TensorBoardTracker(self.folder)

    def runs(self):
        """Read every folder with event files, by TensorBoard's own reader."""
        folders = {path.parent for path in self.folder.rglob("events.out.*")}
        folders |= {path.parent for path in self.folder.rglob("skrec-run.json")}
        return [self._run(folder) for folder in sorted(folders)]

    def _run(self, folder):
        above = folder.parent
        scalars = self.scalars(folder)
        note = json.loads((folder / "skrec-run.json").read_text())
        return Found(
            name=folder.name,
            parent=None if above == self.folder else above.name,
            params=note["params"],
            series={k: v for k, v in scalars.items() if not is_score(k)},
            scores={k: v[-1][1] for k, v in scalars.items() if is_score(k)},
            status=note["status"],
            path=tuple(note["path"]),
        )

    @staticmethod
    def scalars(folder):
        accumulator = accumulate(folder)
        return {
            tag: [(event.step, event.value) for event in accumulator.Scalars(tag)]
            for tag in accumulator.Tags()["scalars"]
        }

    @staticmethod
    def hparams(folder):
        """Return what the HParams tab finds in a folder, by the name of the part."""
        from tensorboard.plugins.hparams import metadata

        contents = accumulate(folder).PluginTagToContent(metadata.PLUGIN_NAME)
        parts = {}
        for content in contents.values():
            data = metadata.plugin_data_pb2.HParamsPluginData.FromString(content)
            kind = data.WhichOneof("data")
            parts[kind] = getattr(data, kind)
        return parts


def accumulate(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    return accumulator.Reload()


class MLflow:
    name = "mlflow"

    def __init__(self, folder):
        self.path = Path(folder, "mlflow.db")

    def tracker(self, **kwargs):
        return MLflowTracker(f"sqlite:///{self.path}", **kwargs)

    def ask(self, query):
        with sqlite3.connect(self.path) as database:
            return database.execute(query).fetchall()

    def runs(self):
        """Ask the database, and leave out what is deleted."""
        runs = {}
        for key, name, status in self.ask(
            "select run_uuid, name, status from runs where lifecycle_stage = 'active'"
        ):
            runs[key] = Found(name=name, parent=None, status=status.lower())
        for key, name, value in self.ask("select run_uuid, key, value from params"):
            if key in runs:
                runs[key].params[name] = value
        for key, name, step, value in self.ask(
            "select run_uuid, key, step, value from metrics order by step, timestamp"
        ):
            if key not in runs:
                continue
            if is_score(name):
                runs[key].scores[name] = value
            else:
                runs[key].series.setdefault(name, []).append((step, value))
        for key, name, value in self.ask("select run_uuid, key, value from tags"):
            if key in runs and name == "mlflow.parentRunId":
                runs[key].parent = runs[value].name
            if key in runs and name == "skrec.path":
                runs[key].path = tuple(json.loads(value))
        return list(runs.values())


class Wandb:
    name = "wandb"

    def __init__(self, folder):
        self.folder = Path(folder)

    def tracker(self):
        return WandbTracker(dir=self.folder)

    def runs(self):
        """Read the file of each offline run, with W&B's own classes of records."""
        paths = sorted(self.folder.glob("wandb/offline-run-*/*.wandb"))
        runs = {}
        for path in paths:
            runs[path.stem.removeprefix("run-")] = self._run(path)
        roots = {key: run.name for key, run in runs.items() if key.count("-") < 3}
        for key, run in runs.items():
            root = next((name for name in roots if key.startswith(f"{name}-")), None)
            if root is not None and key not in roots:
                run.parent = roots[root]
                place = key.removeprefix(f"{root}-").split("-")[0]
                run.path = (0, *(int(n.replace("_", "-")) for n in place.split(".")))
            else:
                run.path = (0,)
        return list(runs.values())

    @staticmethod
    def _run(path):
        from wandb.proto.wandb_internal_pb2 import Record

        run, series, summary = Found("", None), defaultdict(list), {}
        for content in records(path.read_bytes()):
            record = Record.FromString(content)
            kind = record.WhichOneof("record_type")
            if kind == "run":
                run.name = record.run.display_name
                for item in record.run.config.update:
                    run.params[item.key] = json.loads(item.value_json)
            elif kind == "history":
                items = {
                    "/".join(item.nested_key) or item.key: json.loads(item.value_json)
                    for item in record.history.item
                }
                for name in items:
                    if not name.startswith("_"):
                        series[name].append((items["_step"], items[name]))
            elif kind == "summary":
                for item in record.summary.update:
                    name = item.key or "/".join(item.nested_key)
                    if is_score(name):
                        summary[name] = json.loads(item.value_json)
            elif kind == "exit":
                run.status = "failed" if record.exit.exit_code else "finished"
        run.series, run.scores = dict(series), summary
        return run


def records(content):
    """Yield the records of a log in LevelDB's format, which a .wandb file is."""
    assert content[:4] == b":W&B"
    place, parts = 7, b""
    while place + 7 <= len(content):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        place += 7
        parts += content[place : place + length]
        place += length
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""


def is_score(name):
    return name.startswith(("test_", "train_", "mean_", "best_"))


STORES = [TensorBoard, MLflow, Wandb]
