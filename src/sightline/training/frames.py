"""Training pictures from synthetic streets: letterboxed RGB, boxes in model pixels, and their augmentation."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.sources.synthetic import Scene
from sightline.types import F32, I32, U8, Picture

__all__ = ["IGNORED", "LEAST_PX", "LEAST_VISIBLE", "Sample", "augment", "letterbox", "samples", "stack"]

IGNORED = -1
LEAST_VISIBLE = 0.25  # share of an outline below which an object is nobody's fault
LEAST_PX = 4.0  # model pixels: narrower or flatter than this is ignored too
SIZES = ((960, 540), (960, 540), (1280, 720), (640, 360), (640, 480), (854, 480), (1024, 576), (540, 720))


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """image (H, W, 3) uint8 RGB; boxes (N, 4) corners in model pixels; label (N,), -1 where it must not count."""

    image: U8
    boxes: F32
    label: I32


def _rgb(picture: Picture) -> U8:
    """I420 of even size -> RGB (H, W, 3)."""
    y, u, v = picture.planes
    w = y.shape[1]
    stacked = np.concatenate([np.ascontiguousarray(p).reshape(-1) for p in (y, u, v)]).reshape(-1, w)
    return cv2.cvtColor(stacked, cv2.COLOR_YUV2RGB_I420)  # type: ignore[return-value]


def letterbox(rgb: U8, width: int, height: int) -> tuple[U8, float, float, float]:
    """`rgb` fitted into (height, width, 3), centred on grey 114; with the gain and the shift in x and y."""
    h, w = rgb.shape[:2]
    gain = min(width / w, height / h)
    inner_w, inner_h = round(w * gain), round(h * gain)
    left, top = (width - inner_w) // 2, (height - inner_h) // 2
    out = np.full((height, width, 3), 114, np.uint8)
    out[top : top + inner_h, left : left + inner_w] = cv2.resize(
        rgb, (inner_w, inner_h), interpolation=cv2.INTER_LINEAR
    )
    return out, gain, float(left), float(top)


def samples(seed: int, count: int, width: int, height: int) -> list[Sample]:
    """`count` moments of the street of that seed, some seconds apart, as the network (width x height) sees them."""
    rng = np.random.default_rng((seed, 31))
    size = SIZES[int(rng.integers(len(SIZES)))]
    scene = Scene(
        seed=seed,
        width=size[0],
        height=size[1],
        noise=float(rng.uniform(0.5, 8)),
        light=float(rng.uniform(0.05, 0.45)),
    )
    found: list[Sample] = []
    for k in range(count):
        picture, truth = scene.draw(int(40 * k + rng.integers(40)))
        image, gain, left, top = letterbox(_rgb(picture), width, height)
        boxes = (truth.xyxy * gain + np.array([left, top, left, top])).astype(np.float32)
        small = (boxes[:, 2:] - boxes[:, :2]).min(1, initial=1e9) < LEAST_PX
        hidden = truth.columns["visible"] < LEAST_VISIBLE
        found.append(Sample(image, boxes, np.where(small | hidden, IGNORED, truth.label).astype(np.int32)))
    return found


def augment(sample: Sample, rng: np.random.Generator) -> Sample:
    """The sample mirrored, moved, scaled and recoloured by chance."""
    image, boxes = sample.image, sample.boxes
    h, w = image.shape[:2]
    if rng.random() < 0.6:
        gain = float(np.exp(rng.uniform(np.log(0.6), np.log(1.35))))
        dx, dy = (float(rng.uniform(-0.5, 0.5)) * abs(1 - gain) * side + 0.5 * (1 - gain) * side for side in (w, h))
        matrix = np.array([[gain, 0, dx + 0.5 * gain - 0.5], [0, gain, dy + 0.5 * gain - 0.5]])
        image = cv2.warpAffine(image, matrix, (w, h), flags=cv2.INTER_LINEAR, borderValue=(114, 114, 114))
        boxes = boxes * gain + np.array([dx, dy, dx, dy], np.float32)
    if rng.random() < 0.5:
        image = image[:, ::-1]
        boxes = np.stack([w - boxes[:, 2], boxes[:, 1], w - boxes[:, 0], boxes[:, 3]], 1)
    tint = rng.uniform(0.75, 1.25) * rng.uniform(0.9, 1.1, 3)
    shift = rng.uniform(-18, 18)
    table = np.clip(np.arange(256)[:, None] * tint + shift, 0, 255).astype(np.uint8)  # (256, 3)
    image = cv2.LUT(np.ascontiguousarray(image), table.reshape(1, 256, 3))
    if rng.random() < 0.15:
        image = cv2.GaussianBlur(image, (3, 3), float(rng.uniform(0.4, 1.0)))
    cut = np.clip(boxes, 0, np.array([w, h, w, h])).astype(np.float32)
    whole, left = (boxes[:, 2:] - boxes[:, :2]).prod(1), (cut[:, 2:] - cut[:, :2]).prod(1)
    gone = (left < LEAST_VISIBLE * whole) | ((cut[:, 2:] - cut[:, :2]).min(1, initial=1e9) < LEAST_PX)
    label = np.where(gone, IGNORED, sample.label).astype(np.int32)
    kept = left > 0
    return Sample(image, cut[kept], label[kept])  # type: ignore[arg-type]


def stack(chosen: list[Sample]) -> tuple[U8, NDArray[np.int64], F32]:
    """Samples -> images (N, H, W, 3), labels (N, M) padded by -2, boxes (N, M, 4)."""
    most = max(1, max(len(s.label) for s in chosen))
    labels = np.full((len(chosen), most), -2, np.int64)
    boxes = np.zeros((len(chosen), most, 4), np.float32)
    for i, s in enumerate(chosen):
        labels[i, : len(s.label)] = s.label
        boxes[i, : len(s.label)] = s.boxes
    return np.stack([s.image for s in chosen]), labels, boxes
