"""A street detector against held-out streets: an ONNX file in, its mean average precision out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from sightline.boxes import cxcywh_to_xyxy, nms
from sightline.training.frames import IGNORED, Sample
from sightline.training.precision import Found, Wanted, average_precision
from sightline.types import F32

__all__ = ["Marks", "judge", "read"]


@dataclass(frozen=True, slots=True)
class Marks:
    """Mean average precision at IoU 0.5, and over 0.50 to 0.95; `by_label` at 0.5."""

    map50: float
    map50_95: float
    by_label: tuple[float, ...]


def judge(weights: Path, pictures: Sequence[Sample], classes: int) -> Marks:
    """Run the model over the pictures, one by one, on ONNX Runtime's CPU provider."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    found: list[Found] = []
    wanted: list[Wanted] = []
    for sample in pictures:
        tensor = (sample.image.astype(np.float32) / 255).transpose(2, 0, 1)[None]
        rows = np.asarray(session.run(None, {session.get_inputs()[0].name: tensor})[0])[0]
        found.append(read(rows))
        ignored = sample.label == IGNORED
        # whoever is ignored has lost its label: it excuses a box of any class
        for_all = np.flatnonzero(ignored)
        boxes = np.concatenate([sample.boxes[~ignored], *[sample.boxes[for_all]] * classes])
        label = np.concatenate([sample.label[~ignored], np.repeat(np.arange(classes), len(for_all))]).astype(np.int32)
        excused = np.arange(len(boxes)) >= int((~ignored).sum())
        wanted.append(Wanted(boxes.astype(np.float32), label, excused))
    table = average_precision(found, wanted, classes)
    return Marks(float(np.nanmean(table[:, 0])), float(np.nanmean(table)), tuple(float(x) for x in table[:, 0]))


def read(rows: F32, least: float = 0.01, overlap: float = 0.6) -> Found:
    """One picture's output (4 + C, A) -> boxes after non-maximum suppression within each class."""
    label = rows[4:].argmax(0)
    score = rows[4:].max(0)
    keep = np.flatnonzero(score >= least)
    boxes = cxcywh_to_xyxy(rows[:4, keep].T)
    kept = nms(boxes, score[keep], overlap, label[keep], top=100)
    return Found(boxes[kept], score[keep][kept].astype(np.float32), label[keep][kept].astype(np.int32))
