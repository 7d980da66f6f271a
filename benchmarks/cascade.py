"""What a detector with a secondary model costs against both bare: `python -m benchmarks.cascade DETECTOR MODEL CLIP`.

CPU ms a frame of the whole command, by two runs that differ in length; against decoding, the detector's bare loop and
the secondary's times the looks that were really taken. Then the same with answers remembered by track, and whether
every track ends with the label that it has without.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import yaml

from benchmarks.costs import ask
from benchmarks.process import Footage, marginal
from sightline.config import ModelConfig, StageConfig
from sightline.models.identify import identify

__all__ = ["main"]

Options = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Asked:
    detector: Options
    second: Options
    clip: Path
    frames: int
    classes: tuple[str, ...]


def _file(folder: Path, asked: _Asked, frames: int, more: Options) -> Path:
    data = {
        "streams": [str(asked.clip)],
        "model": {"name": "first", **asked.detector, "classes": list(asked.classes)},
        "then": [{"name": "second", **asked.second, **more}],
        "tracker": "bytetrack",
        "sinks": [{"kind": "jsonl", "path": f"{folder}/results.jsonl"}],
        "limits": {"frames": frames, "loop": True},
    }
    path = folder / f"{frames}.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def _run(path: Path) -> list[str]:
    return [sys.executable, "-m", "sightline", "run", str(path), "--json", "-q"]


def _looks(path: Path) -> float:
    """Looks a frame of the secondary model."""
    said = json.loads(subprocess.run(_run(path), capture_output=True, text=True, check=True).stdout)
    return said["looks"]["second"]["asked"] / said["frames"]


def _finals(results: Path) -> dict[int, str]:
    """The label that each track ends with: that which most of its frames show."""
    votes: dict[int, dict[str, int]] = {}
    for line in results.read_text().splitlines():
        for thing in json.loads(line).get("objects", ()):
            said = [a["label"] for a in thing.get("attributes", ()) if a["name"] == "second"]
            if said and "track" in thing:
                counts = votes.setdefault(thing["track"], {})
                counts[said[0]] = counts.get(said[0], 0) + 1
    return {track: max(counts, key=lambda label: counts[label]) for track, counts in votes.items()}


def _measured(asked: _Asked, more: Options, pairs: int) -> tuple[float, float, float, dict[int, str]]:
    """(share of the limit, CPU ms a frame, looks a frame, final labels), medians."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short = Footage(_file(folder, asked, asked.frames // 3, more), asked.frames // 3)
        long = Footage(_file(folder, asked, asked.frames, more), asked.frames)
        looks = _looks(long.path)
        finals = _finals(folder / "results.jsonl")
        shares: list[float] = []
        costs: list[float] = []
        first = identify(ModelConfig.model_validate(asked.detector)).weights
        second = identify(StageConfig.model_validate(asked.second)).weights
        for _ in range(pairs):
            limit = ask("decode", str(asked.clip)) + ask("infer", str(first)) + looks * ask("infer", str(second))
            spent, _ = marginal(lambda footage: _run(footage.path), short, long)
            shares.append(limit / spent.cpu_ms)
            costs.append(spent.cpu_ms)
    return median(shares), median(costs), looks, finals


def _options(text: str) -> Options:
    """ "model.onnx,scale=1" -> the keys of a model in a pipeline file."""
    path, *rest = text.split(",")
    pairs = (item.partition("=") for item in rest)
    return {"path": str(Path(path).resolve()), **{key: yaml.safe_load(value) for key, _, value in pairs}}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cascade", description=__doc__)
    parser.add_argument("detector", type=_options, help="MODEL,key=value,...")
    parser.add_argument("second", type=_options, help="MODEL,key=value,...")
    parser.add_argument("clip", type=Path)
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--classes", default="", help="only these of the detector")
    parser.add_argument("--remember", default="true", help="as in a pipeline file: true, or {frames: 12, sure: 0}")
    parser.add_argument("--smooth", type=int, default=0, help="votes by track, in both runs")
    given = parser.parse_args()
    classes = tuple(filter(None, given.classes.split(",")))
    asked = _Asked(given.detector, given.second, given.clip.resolve(), given.frames, classes)
    print("| | looks a frame | CPU ms a frame | share of the limit |\n|---|---|---|---|")
    smooth: Options = {"smooth": given.smooth} if given.smooth else {}
    every = _measured(asked, smooth, given.pairs)
    print(f"| every object, every frame | {every[2]:.2f} | {every[1]:.1f} | {every[0]:.3f} |")
    kept = _measured(asked, {**smooth, "remember": yaml.safe_load(given.remember)}, given.pairs)
    print(f"| remembered by track | {kept[2]:.2f} | {kept[1]:.1f} | {kept[0]:.3f} |")
    for track, label in every[3].items():
        print(f"track {track}: {label}; remembered: {kept[3].get(track)}")
    same = sum(kept[3].get(track) == label for track, label in every[3].items())
    print(f"\n{every[2] / max(kept[2], 1e-9):.1f} times fewer looks; {same} of {len(every[3])} tracks end the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())
