"""PoseNet: heat maps with short offsets, and displacements along the limbs for several people.

Source: Papandreou et al., PersonLab (arXiv 1803.08225), and the layout of TensorFlow's published PoseNet files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.heads.candidates import Candidates, predict
from sightline.heads.posenet_people import Fields, decode_people
from sightline.heads.tensors import Floats, activate, of_view, unreadable
from sightline.heads.whole_view import Found, predict_one
from sightline.protocols import Outputs
from sightline.types import F32, ModelSpec, Prediction, Thresholds, View

__all__ = ["PoseNet", "output_stride"]


@dataclass(frozen=True, slots=True)
class PoseNet:
    """Heat maps [N, h, w, K] and short offsets [N, h, w, 2K] (K times y, then K times x, in model pixels); channels
    first too. A keypoint is the best cell of its heat map, moved by that cell's offset; the score of the one person
    is the mean of the keypoints' scores.

    heat, offset: names of the outputs; "": by name, else by their channels. stride: model pixels from cell to cell,
    0: from the shapes. activated: the heat maps are probabilities, not logits.
    people: more than 1: up to so many people, grown along the displacements [N, h, w, 2(K-1)]; forward, backward:
    their names, "": those that hold "fwd" and "bwd".
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.05, nms=1.0)
    graph_nms: ClassVar[bool] = False

    heat: str = ""
    offset: str = ""
    stride: float = 0.0
    activated: bool | None = False
    people: int = 1
    forward: str = ""
    backward: str = ""

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        if self.people > 1:
            return predict(lambda i, size_wh: self._people(outputs, i, size_wh), spec, views)

        def find(i: int, size_wh: tuple[int, int]) -> Found:
            heat, offset, _ = self._maps(outputs, i)
            keypoints, (h, w) = len(heat), heat.shape[1:]
            best = heat.reshape(keypoints, -1).argmax(1)
            y, x = np.divmod(best, w)
            k = np.arange(keypoints)
            step = self.stride or output_stride((w, h), size_wh)
            points = np.empty((keypoints, 3), np.float32)
            points[:, 0] = x * step + offset[keypoints + k, y, x]
            points[:, 1] = y * step + offset[k, y, x]
            points[:, 2] = activate(heat[k, y, x], self.activated)
            return Found(points, float(points[:, 2].mean()))

        return predict_one(find, spec, views)

    def _people(self, outputs: Outputs, i: int, size_wh: tuple[int, int]) -> Candidates:
        heat, offset, last = self._maps(outputs, i)
        if len(heat) != 17:
            raise unreadable("posenet", outputs, "17 heat maps where several people are read")
        forward = self._moves(outputs, self.forward, "fwd", last)
        backward = self._moves(outputs, self.backward, "bwd", last)
        step = self.stride or output_stride((heat.shape[2], heat.shape[1]), size_wh)
        fields = Fields(
            activate(heat, self.activated), offset, _first(forward, i, last), _first(backward, i, last), step
        )
        found = decode_people(fields, self.people)
        points = np.stack([p.points for p in found]) if found else np.zeros((0, len(heat), 3), np.float32)
        score = np.array([p.score for p in found], np.float32)
        xy = points[..., :2]
        box = np.concatenate([xy.min(1), xy.max(1)], 1) if found else np.zeros((0, 4), np.float32)
        return Candidates(box, score, np.zeros(len(found), np.int32), points)

    @staticmethod
    def _moves(outputs: Outputs, given: str, word: str, last: bool) -> Floats:
        """The displacements called `given`, else the first whose name holds `word`."""
        fitting = [n for n, a in outputs.items() if a.ndim == 4 and a.shape[3 if last else 1] == 32]
        name = given or next((n for n in fitting if word in n.lower()), "")
        if name not in fitting:
            raise unreadable("posenet", outputs, f"displacements of 32 channels ({given or word})")
        return outputs[name]

    def _maps(self, outputs: Outputs, i: int) -> tuple[F32, F32, bool]:
        """Heat maps (K, h, w) and offsets (2K, h, w) of view `i`; whether channels are last."""
        maps = {name: a for name, a in outputs.items() if a.ndim == 4}
        for name in (self.heat, self.offset):
            if name and name not in maps:
                raise unreadable("posenet", outputs, f"the maps it was told of ({name})")
        for last in (True, False):
            by_depth = {name: a.shape[3 if last else 1] for name, a in maps.items()}
            heat = self.heat or _one(by_depth, None, ("heat",))
            heat = heat or next((n for n, d in by_depth.items() if sum(o == 2 * d for o in by_depth.values()) == 1), "")
            offset = self.offset or _one(by_depth, 2 * by_depth.get(heat, 0), ("offset",))
            if (
                heat
                and offset
                and by_depth[offset] == 2 * by_depth[heat]
                and _grid(maps[heat], last) == _grid(maps[offset], last)
            ):
                return _first(maps[heat], i, last), _first(maps[offset], i, last), last
        raise unreadable("posenet", outputs, "heat maps [N, h, w, K] and offsets [N, h, w, 2K]")


def _one(by_depth: dict[str, int], depth: int | None, words: Sequence[str]) -> str:
    """The output whose name holds one of `words` and that has `depth` channels; else the only one of that depth."""
    fitting = [name for name, d in by_depth.items() if depth is None or d == depth]
    named = [name for name in fitting if any(word in name.lower() for word in words)]
    if len(named) == 1:
        return named[0]
    return fitting[0] if depth is not None and len(fitting) == 1 else ""


def _grid(a: Floats, last: bool) -> tuple[int, ...]:
    return a.shape[1:3] if last else a.shape[2:]


def _first(a: Floats, i: int, last: bool) -> F32:
    """View `i` as (channels, h, w)."""
    one = of_view(a, i).astype(np.float32, copy=False)
    return one.transpose(2, 0, 1) if last else one


def output_stride(grid_wh: tuple[int, int], size_wh: tuple[int, int]) -> float:
    """Model pixels from cell to cell: (size-1)/(cells-1) where that is a power of two, else the nearest one to
    size/cells.
    """
    across, size = max(zip(grid_wh, size_wh, strict=True))
    if across > 1 and (size - 1) % (across - 1) == 0:
        step = (size - 1) // (across - 1)
        if step & (step - 1) == 0:
            return float(step)
    return 2.0 ** round(math.log2(size / across)) if size and across else 1.0
