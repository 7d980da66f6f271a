"""`python -m benchmarks.identification [--assets DIR] [--generated]`: how often a model is identified rightly.

Over published models with independent expectations, and over networks made by code whose truth is known: right, a
question, or wrong; by the file alone, and with what is open tried on pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.expectations import Expected, Folder, differences, expected_of
from benchmarks.seeing import ENDS, SEEN, Feed, pictures, saved
from sightline.boxes import iou_matrix
from sightline.cli.frame import frame_at
from sightline.config import ModelConfig
from sightline.errors import SightlineError, UndecidedError
from sightline.models.identify import Identified, identify
from sightline.models.probing.probe import probe
from sightline.pictures import rgb
from sightline.pipeline.build import build_identified
from sightline.types import Frame, Instant, Picture, PixelLayout, StreamInfo

__all__ = ["Line", "assets", "generated", "main", "table"]

RIGHT, QUESTION, WRONG = "right", "question", "wrong"


@dataclass(slots=True)
class Line:
    """Verdicts of one row of the table, by column; notes on what was not right."""

    name: str
    verdicts: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    notes: list[str] = field(default_factory=list[str])

    def add(self, column: str, verdict: str, note: str = "") -> None:
        self.verdicts.setdefault(column, Counter())[verdict] += 1
        if note:
            self.notes.append(f"{column}: {note}")


# -- published models -------------------------------------------------------------------------------------------------


def assets(root: Path, only: str = "") -> Iterator[Line]:
    """Every model of `root`/models that has expectations, on `root`/pictures."""
    for path in sorted((root / "models").iterdir()):
        folder = expected_of(path, root / "pictures") if path.is_dir() and only in path.name else None
        if folder is not None:
            yield _published(folder)


def _published(folder: Folder) -> Line:
    line = Line(folder.path.name)
    frames = [_frame(row) for row in folder.rows]
    for column, given, probing in (
        ("as given", folder.given, False),
        ("file alone", {}, False),
        ("with pictures", {}, True),
    ):
        config = ModelConfig.model_validate({"path": str(folder.path), "precision": "f32", "exact": True, **given})
        try:
            found = identify(config)
            if probing:
                found = probe(found, config, frames, build_identified).identified
            fault = _fault(folder, found, config, frames)
            line.add(column, WRONG if fault else RIGHT, fault)
        except UndecidedError as error:
            line.add(column, QUESTION, str(error).splitlines()[-1])
        except SightlineError as error:
            line.add(column, WRONG, str(error).splitlines()[0])
    return line


def _fault(folder: Folder, found: Identified, config: ModelConfig, frames: Sequence[Frame]) -> str:
    """The first difference from what is expected. Raises UndecidedError where it is not decided."""
    for row, frame in zip(folder.rows, frames, strict=True):
        asked = _with_thresholds(found, row.row)
        model = build_identified(asked, config)
        try:
            said = model.predict(frame)
        finally:
            model.close()
        fault = differences(folder, _moved(row), said, found.spec.labels, (frame.width, frame.height))
        if fault:
            return f"{row.picture.name}: {fault}"
    return ""


def _with_thresholds(found: Identified, row: Mapping[str, Any]) -> Identified:
    """The thresholds that the expectations were made with."""
    limits = found.spec.thresholds
    score = float(row.get("score_threshold", 0.05)) if "detections" in row else limits.score
    limits = replace(limits, score=score, nms=float(row.get("nms_iou", limits.nms)))
    return replace(found, spec=replace(found.spec, thresholds=limits))


def _frame(row: Expected) -> Frame:
    """The picture, or the part of it that is to be looked at as one of its own."""
    frame = frame_at(str(row.picture))
    if row.crop is None or frame.picture is None:
        return frame
    x1, y1, x2, y2 = (round(v) for v in row.crop)
    return _still(np.ascontiguousarray(rgb(frame.picture)[max(0, y1) : y2, max(0, x1) : x2]), row.picture.name)


def _moved(row: Expected) -> dict[str, object]:
    """The expected row in pixels of the part."""
    moved = dict(row.row)
    points = moved.get("points")
    if row.crop is not None and points is not None:
        x, y = max(0, round(row.crop[0])), max(0, round(row.crop[1]))
        pairs = points.items() if isinstance(points, dict) else enumerate(points)
        moved["points"] = {str(i): (p[0] - x, p[1] - y) for i, p in pairs}
    return moved


def _still(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], name: str, index: int = 0) -> Frame:
    height, width = pixels.shape[:2]
    base = Fraction(1, 25)
    stream = StreamInfo(name, width, height, base, still=True)
    picture = Picture((pixels,), PixelLayout.RGB, full_range=True)
    return Frame(stream, index, Instant(None, base), picture, width, height, name=name)


# -- generated models -------------------------------------------------------------------------------------------------

_HALF, _MEAN, _STD = (127.5,), (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
# What each end's family is trained with; None: families of this end differ, and all is asked.
_USUAL: dict[str, Feed | None] = {
    "yolov8": Feed(),
    "yolov8 turned": Feed(),
    "yolov5": Feed(),
    "yolo-end2end": Feed(),
    "rt-detr": Feed(),
    "yolox": Feed("bgr", (0.0,), (1.0,)),
    "ultraface": Feed("rgb", (127.0,), (128.0,)),
    "tf-detection": Feed("rgb", (0.0,), (1.0,)),
    "pairs in pixels": None,
    "pairs in fractions": None,
    "semantic": None,
    "classify": None,
}
_RANGES = (((0.0,), (255.0,)), ((0.0,), (1.0,)), (_HALF, _HALF), (_MEAN, _STD))


def generated(ends: Sequence[str] = tuple(ENDS), full: bool = True) -> Iterator[Line]:
    """Every end x layout x format, fed as its family is, as the graph itself states, and (full) every other way."""
    frames = [(_still(pixels, f"{i}.png", i), box) for i, (pixels, box) in enumerate(pictures())]
    with tempfile.TemporaryDirectory() as room:
        for end in ends:
            line = Line(end)
            for kind, feed, openvino in _cases(end, full):
                path = saved(end, feed, Path(room) / f"net.{'xml' if openvino else 'onnx'}", openvino)
                _made(line, kind, feed, path, frames)
                for file in Path(room).iterdir():
                    file.unlink()
            yield line


def _cases(end: str, full: bool) -> Iterator[tuple[str, Feed, bool]]:
    """(what kind of truth, the feed, whether as OpenVINO's IR)."""
    usual = _USUAL[end]
    own = usual or Feed()
    for layout in ("NCHW", "NHWC"):
        for openvino in (False, True) if full else (False,):
            if usual is not None:
                yield "usual", Feed(own.color, own.mean, own.scale, layout), openvino
            yield "in the graph", Feed(own.color, own.mean, own.scale, layout, inside=True), openvino
    for color in ("rgb", "bgr") if full else ("bgr",):
        for mean, scale in _RANGES if full else _RANGES[:2]:
            turned = color == "bgr"
            feed = Feed(color, mean[::-1] if turned else mean, scale[::-1] if turned else scale)
            if usual is None or (feed.color, feed.mean, feed.scale) != (own.color, own.mean, own.scale):
                yield "open" if usual is None else "unusual", feed, False


def _made(line: Line, kind: str, feed: Feed, path: Path, frames: Sequence[tuple[Frame, tuple[float, ...]]]) -> None:
    config = ModelConfig(path=str(path), precision="f32", exact=True)
    alone = identify(config)
    probed = probe(alone, config, [frame for frame, _ in frames], build_identified).identified
    for column, found in ((f"{kind}, file", alone), (f"{kind}, pictures", probed)):
        said = f"{feed.color} {feed.mean} {feed.scale} {feed.layout} {path.suffix}"
        if not found.decided:
            line.add(column, QUESTION)
        else:
            good = _sees(found, config, frames)
            line.add(column, RIGHT if good else WRONG, "" if good else said)


def _sees(found: Identified, config: ModelConfig, frames: Sequence[tuple[Frame, tuple[float, ...]]]) -> bool:
    """Whether the model as identified sees every rectangle where it is."""
    model = build_identified(found, config)
    try:
        for frame, box in frames:
            said = model.predict(frame)
            if found.spec.task == "classify":
                good = bool(said.attributes) and said.attributes[0].index == SEEN
            elif said.classmap is not None:
                x1, y1, x2, y2 = (round(v) for v in box)
                good = float((said.classmap[y1:y2, x1:x2] == SEEN).mean()) > 0.9
            else:
                overlap = iou_matrix(np.asarray([box], np.float32), said.detections.xyxy)
                good = bool(len(said.detections)) and float(overlap.max()) > 0.7
            if not good:
                return False
    finally:
        model.close()
    return True


# -- the table --------------------------------------------------------------------------------------------------------


def table(lines: Sequence[Line]) -> str:
    """Markdown: a row a model or end, right/question/wrong by column, and the sum."""
    columns = list(dict.fromkeys(column for line in lines for column in line.verdicts))
    total = Line("all")
    for line in lines:
        for column, verdicts in line.verdicts.items():
            total.verdicts.setdefault(column, Counter()).update(verdicts)
    rows = [["", *columns], ["---"] * (len(columns) + 1)]
    rows += [[line.name, *(_cell(line.verdicts.get(column)) for column in columns)] for line in [*lines, total]]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cell(verdicts: Counter[str] | None) -> str:
    """One verdict as its word, several as right / question / wrong."""
    if not verdicts:
        return ""
    if verdicts.total() == 1:
        return next(iter(verdicts))
    return " / ".join(str(verdicts[word]) for word in (RIGHT, QUESTION, WRONG))


def main() -> int:
    """0; 1 where a model was wrongly taken that its file or pictures could have told."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identification", description=__doc__)
    parser.add_argument("--assets", type=Path, default=os.environ.get("SIGHTLINE_ASSETS"), help="models/ and pictures/")
    parser.add_argument("--only", default="", help="models whose folder's name holds this")
    parser.add_argument("--generated", action="store_true", help="the networks made by code instead")
    parser.add_argument("--json", action="store_true", help="all verdicts as JSON")
    asked = parser.parse_args()
    if not asked.generated and asked.assets is None:
        parser.error("--assets DIR, or --generated")
    lines = list(generated() if asked.generated else assets(asked.assets, asked.only))
    if asked.json:
        print(json.dumps({line.name: {"verdicts": line.verdicts, "notes": line.notes} for line in lines}, indent=2))
    else:
        print(table(lines))
        notes = [f"{line.name}: {note}" for line in lines for note in line.notes]
        print("\n".join(["", *notes]) if notes else "")
    wrong = sum(v[WRONG] for line in lines for column, v in line.verdicts.items() if column != "unusual, file")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
