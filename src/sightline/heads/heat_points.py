"""Heat maps of one body or face: a keypoint is the best cell of its map, moved by what lies around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy.ndimage import gaussian_filter

from sightline.heads.tensors import Floats, activate, of_view, pick, unreadable
from sightline.heads.whole_view import Found, predict_one
from sightline.protocols import Outputs
from sightline.types import F32, ModelSpec, Prediction, Thresholds, View

__all__ = ["HeatPoints", "Shift"]

Shift = Literal["quarter", "none", "dark"]
_SPREAD = 2.0  # cells: the deviation of the spots that DARK's networks are trained on


@dataclass(frozen=True, slots=True)
class HeatPoints:
    """[N, K, h, w] or [N, h, w, K]: SimpleBaseline, HRNet, Lite-HRNet, ViTPose, and landmarks (FAN, 98 points).

    shift: "quarter" of a cell towards the higher neighbour (Newell et al., arXiv 1603.06937), "none", or "dark", by the
    curvature of the smoothed map's logarithm (Zhang et al., arXiv 1910.06278).
    centred: a cell stands for its centre, not for its upper left corner.
    output: name, "" for the last that fits. keep: the first maps that are keypoints, 0 all (a background comes last).
    activated: the maps hold scores as they are; False: logits.
    The object's score is the mean of the keypoints' scores.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.05, nms=1.0)
    graph_nms: ClassVar[bool] = False

    shift: Shift = "quarter"
    centred: bool = False
    output: str = ""
    keep: int = 0
    activated: bool = True
    channels_last: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        def find(i: int, size_wh: tuple[int, int]) -> Found:
            heat = self._maps(outputs, i)[: self.keep or None]
            h, w = heat.shape[1:]
            y, x = np.divmod(heat.reshape(len(heat), -1).argmax(1), w)
            score = activate(heat[np.arange(len(heat)), y, x], self.activated)
            cell = np.stack([x, y], 1).astype(np.float32) + self._moved(heat, x, y)
            if self.centred:
                cell += np.float32(0.5)
            points = np.empty((len(heat), 3), np.float32)
            points[:, :2] = cell * (np.array(size_wh, np.float32) / np.array([w, h], np.float32))
            points[:, 2] = np.clip(score, 0, 1)
            return Found(points, float(points[:, 2].mean()))

        return predict_one(find, spec, views)

    def _maps(self, outputs: Outputs, i: int) -> F32:
        """(K, h, w) of view `i`."""
        fitting = [a for a in outputs.values() if a.ndim == 4 and min(a.shape) > 0]
        chosen = pick(outputs, self.output, (), lambda a: a.ndim == 4) if self.output else None
        if chosen is None and not fitting:
            raise unreadable("heat-points", outputs, "heat maps [N, K, h, w]")
        one = of_view(fitting[-1] if chosen is None else chosen, i).astype(np.float32, copy=False)
        last = self.channels_last
        if last is None:
            last = one.shape[0] > one.shape[2] and one.shape[1] > one.shape[2]
        return one.transpose(2, 0, 1) if last else one

    def _moved(self, heat: F32, x: Floats, y: Floats) -> F32:
        """(K, 2) by how much of a cell each keypoint lies off its best cell."""
        if self.shift == "none":
            return np.zeros((len(heat), 2), np.float32)
        k = np.arange(len(heat))
        h, w = heat.shape[1:]
        if self.shift == "dark":
            return _by_curvature(heat, x, y)
        inner = (x > 0) & (x < w - 1) & (y > 0) & (y < h - 1)
        right, left = heat[k, y, np.minimum(x + 1, w - 1)], heat[k, y, np.maximum(x - 1, 0)]
        below, above = heat[k, np.minimum(y + 1, h - 1), x], heat[k, np.maximum(y - 1, 0), x]
        towards = np.stack([np.sign(right - left), np.sign(below - above)], 1)
        return np.where(inner[:, None], towards * np.float32(0.25), 0).astype(np.float32)


def _by_curvature(heat: F32, x: Floats, y: Floats) -> F32:
    """(K, 2): one Newton step on the logarithm of the smoothed maps; 0 at the border and where it is flat."""
    h, w = heat.shape[1:]
    smooth = gaussian_filter(heat, (0, _SPREAD, _SPREAD), mode="constant", truncate=2.5)
    high = smooth.max((1, 2), keepdims=True)
    smooth = smooth * (heat.max((1, 2), keepdims=True) / np.where(high > 0, high, 1))
    log = np.log(np.maximum(smooth, 1e-10)).astype(np.float64)
    k = np.arange(len(heat))
    inner = (x > 1) & (x < w - 2) & (y > 1) & (y < h - 2)
    cx, cy = np.clip(x, 2, max(2, w - 3)), np.clip(y, 2, max(2, h - 3))
    if w < 5 or h < 5:
        return np.zeros((len(heat), 2), np.float32)

    def at(dx: int, dy: int) -> Floats:
        return log[k, cy + dy, cx + dx]

    gx, gy = (at(1, 0) - at(-1, 0)) / 2, (at(0, 1) - at(0, -1)) / 2
    xx, yy = (at(2, 0) - 2 * at(0, 0) + at(-2, 0)) / 4, (at(0, 2) - 2 * at(0, 0) + at(0, -2)) / 4
    xy = (at(1, 1) - at(-1, 1) - at(1, -1) + at(-1, -1)) / 4
    bent = xx * yy - xy * xy
    sound = inner & (np.abs(bent) > 1e-12)
    bent = np.where(sound, bent, 1)
    step = np.stack([-(yy * gx - xy * gy) / bent, -(xx * gy - xy * gx) / bent], 1)
    return np.where(sound[:, None], step, 0).astype(np.float32)
