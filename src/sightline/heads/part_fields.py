"""OpenPose and its kin: heat maps of keypoints and part affinity fields of limbs, for any number of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from sightline.errors import ModelError
from sightline.heads.candidates import Candidates, predict
from sightline.heads.limbs import Peaks, Rule, assemble, find_peaks, join_limbs
from sightline.heads.tensors import Floats, of_view, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, ModelSpec, Prediction, Thresholds, View

__all__ = ["LAYOUTS", "Layout", "PartFields"]


@dataclass(frozen=True, slots=True)
class Layout:
    """keypoints: maps that are keypoints (a background may follow). limbs: pairs, in the order of the field's channels.

    weak: limbs that only complete a person (ear to shoulder). order: the keypoint of the model that each handed-on
    keypoint is; () as they are.
    """

    keypoints: int
    limbs: tuple[tuple[int, int], ...]
    weak: frozenset[tuple[int, int]] = frozenset()
    order: tuple[int, ...] = ()


LAYOUTS: dict[str, Layout] = {
    # OpenPose's COCO model, Lightweight OpenPose, Open Model Zoo, TAO BodyPoseNet
    "coco18": Layout(
        18,
        (
            *((1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 2), (2, 3), (3, 4), (2, 16)),
            *((1, 5), (5, 6), (6, 7), (5, 17), (1, 0), (0, 14), (0, 15), (14, 16), (15, 17)),
        ),
        frozenset({(2, 16), (5, 17)}),
    ),
    "body25": Layout(
        25,
        (
            *((1, 8), (9, 10), (10, 11), (8, 9), (8, 12), (12, 13), (13, 14), (1, 2), (2, 3), (3, 4), (2, 17)),
            *((1, 5), (5, 6), (6, 7), (5, 18), (1, 0), (0, 15), (0, 16), (15, 17), (16, 18)),
            *((14, 19), (19, 20), (14, 21), (11, 22), (22, 23), (11, 24)),
        ),
        frozenset({(2, 17), (5, 18)}),
    ),
    "mpi15": Layout(
        15,
        (
            *((0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 14)),
            *((14, 8), (8, 9), (9, 10), (14, 11), (11, 12), (12, 13)),
        ),
    ),
    # trt_pose: COCO's 17 keypoints and a neck, handed on in OpenPose's order
    "trt-pose": Layout(
        18,
        (
            *((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 7), (6, 8), (7, 9), (8, 10), (1, 2), (0, 1)),
            *((0, 2), (1, 3), (2, 4), (3, 5), (4, 6), (17, 0), (17, 5), (17, 6), (17, 11), (17, 12)),
        ),
        order=(0, 17, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3),
    ),
}


@dataclass(frozen=True, slots=True)
class PartFields:
    """Heat maps [N, K or K+1, h, w] and fields [N, 2L, h', w'], channels first or last, two outputs or one with the
    maps first. A keypoint that was not found is 0, 0 with score 0.

    layout: how keypoints and limbs are numbered; "auto" by the numbers of channels. heat, field: names of the outputs.
    peak: least value of a heat map that is a keypoint. along, part: a limb joins two keypoints where the field along
    the line between them is above `along` at that part of its points. least_points: fewest keypoints of a person.
    The score of a person is the mean of its keypoints' scores.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.2, nms=1.0)
    graph_nms: ClassVar[bool] = False

    layout: Literal["auto", "coco18", "body25", "mpi15", "trt-pose"] = "auto"
    heat: str = ""
    field: str = ""
    peak: float = 0.1
    along: float = 0.05
    part: float = 0.8
    least_points: int = 3

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            heat, field, layout = self._maps(outputs, i)
            peaks = find_peaks(heat[: layout.keypoints], self.peak)
            scale = field.shape[2] / heat.shape[2], field.shape[1] / heat.shape[1]
            joints = join_limbs(peaks, field, layout.limbs, scale, Rule(self.along, self.part))
            people = [p for p in assemble(joints, layout.limbs, layout.weak) if len(p) >= self.least_points]
            stride = np.array(size_wh, np.float32) / np.array([heat.shape[2], heat.shape[1]], np.float32)
            return _candidates(people, peaks, layout, stride)

        return predict(find, spec, views)

    def _maps(self, outputs: Outputs, i: int) -> tuple[F32, F32, Layout]:
        """Heat maps (K, h, w), field (2L, h', w') and the numbering they are in."""
        for name in (self.heat, self.field):
            if name and name not in outputs:
                raise ModelError(f"the model has no output {name!r}; it has {', '.join(outputs)}")
        maps = {name: a for name, a in outputs.items() if a.ndim == 4}
        for last in (False, True):
            depth = {name: a.shape[3 if last else 1] for name, a in maps.items()}
            for layout in LAYOUTS.values() if self.layout == "auto" else (LAYOUTS[self.layout],):
                # of several stages the last one counts
                heat = self.heat or next((n for n, d in reversed(depth.items()) if d - layout.keypoints in (0, 1)), "")
                field = self.field or next((n for n, d in reversed(depth.items()) if d == 2 * len(layout.limbs)), "")
                if heat and field and depth.get(field) == 2 * len(layout.limbs):
                    return _first(maps[heat], i, last), _first(maps[field], i, last), layout
                both = layout.keypoints + 1 + 2 * len(layout.limbs)
                whole = next((n for n, d in depth.items() if d == both), "")
                if whole:
                    a = _first(maps[whole], i, last)
                    return a[: layout.keypoints + 1], a[layout.keypoints + 1 :], layout
        raise unreadable("part-fields", outputs, "heat maps and part affinity fields of 18, 25 or 15 keypoints")


def _first(a: Floats, i: int, last: bool) -> F32:
    """View `i` as (channels, h, w), in one piece."""
    one = of_view(a, i)
    return np.ascontiguousarray(one.transpose(2, 0, 1) if last else one, np.float32)


def _candidates(people: Sequence[dict[int, int]], peaks: Peaks, layout: Layout, stride: F32) -> Candidates:
    points = np.zeros((len(people), layout.keypoints, 3), np.float32)
    box = np.zeros((len(people), 4), np.float32)
    score = np.zeros(len(people), np.float32)
    for row, person in enumerate(people):
        kinds, found = list(person), list(person.values())
        points[row, kinds, :2] = (peaks.at[found] + np.float32(0.5)) * stride
        points[row, kinds, 2] = np.clip(peaks.score[found], 0, 1)
        box[row, :2], box[row, 2:] = points[row, kinds, :2].min(0), points[row, kinds, :2].max(0)
        score[row] = points[row, kinds, 2].mean()
    # keypoints all in one line still have a box
    box[:, 2:] = np.maximum(box[:, 2:], box[:, :2] + 1)
    if layout.order:
        points = points[:, list(layout.order)]
    return Candidates(box, score, np.zeros(len(people), np.int32), points)
