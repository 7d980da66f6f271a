"""The picture that the accelerator's files believe in, and the way from its pixels to those of the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightline.parsers.code import Muxed
from sightline.types import F32, View

__all__ = ["MuxedView"]

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MuxedView:
    """What a view shows of its frame, brought to `muxed.image_size`: stretched to it or, with padding, letterboxed."""

    muxed: Muxed
    view: View

    @property
    def region(self) -> tuple[float, float, float, float]:
        """x1, y1, x2, y2 in frame pixels of what the view shows, its padding left out."""
        w, h = self.view.size_wh
        corners = self.view.to_frame(np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float64))
        (x1, y1), (x2, y2) = corners.min(0).tolist(), corners.max(0).tolist()
        frame = self.view.frame
        x1, y1, x2, y2 = max(0.0, x1), max(0.0, y1), min(float(frame.width), x2), min(float(frame.height), y2)
        return x1, y1, max(x2, x1 + 1e-6), max(y2, y1 + 1e-6)

    def _gain_and_shift(self) -> tuple[F64, F64]:
        """frame = muxed * gain + shift."""
        x1, y1, x2, y2 = self.region
        size, image = np.array([x2 - x1, y2 - y1]), np.array(self.muxed.image_size, np.float64)
        start = np.array([x1, y1])
        if not self.muxed.padding:
            return size / image, start
        gain = float((size / image).max())
        return np.array([gain, gain]), start - (image * gain - size) / 2

    @property
    def scale(self) -> float:
        """Frame pixels of one muxed pixel, the mean of both axes."""
        return float(self._gain_and_shift()[0].mean())

    def to_model(self, points: F64) -> F64:
        """Points (N, 2) in muxed pixels -> (N, 2) in model pixels."""
        gain, shift = self._gain_and_shift()
        matrix = self.view.matrix
        back = np.linalg.inv(matrix[:, :2])
        return (points * gain + shift - matrix[:, 2]) @ back.T

    def boxes_to_model(self, xywh: F64) -> F32:
        """Boxes (N, 4) x, y, w, h in muxed pixels -> corners (N, 4) in model pixels."""
        if not len(xywh):
            return np.zeros((0, 4), np.float32)
        x, y, w, h = xywh.T
        corners = np.stack([np.stack([x, x + w, x + w, x], 1), np.stack([y, y, y + h, y + h], 1)], -1)
        moved = self.to_model(corners.reshape(-1, 2)).reshape(-1, 4, 2)
        return np.concatenate([moved.min(1), moved.max(1)], 1).astype(np.float32)
