"""Parts of a picture at any angle: a matrix from tensor to frame -> the tensor; faces turned upright by landmarks."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.pictures import convert_planes, write_ycbcr
from sightline.types import F32, U8, ColorMatrix, Picture, PixelLayout

__all__ = ["FACE_112", "eyes_of", "face_matrix", "five_points", "similarity", "warp_planes", "warp_rgb"]

F64 = NDArray[np.float64]

# Where ArcFace and its kin want the eyes, the nose and the corners of the mouth in 112x112 (insightface, arcface_dst).
FACE_112: F64 = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
FACE_112.setflags(write=False)


def similarity(points: F64, target: F64) -> F64:
    """The (2, 3) matrix of turn, one scale and shift that leads `points` (K, 2) nearest to `target` (K, 2).

    Least squares after Umeyama (1991). Raises ValueError where the points coincide.
    """
    mean, mean_target = points.mean(0), target.mean(0)
    centred, centred_target = points - mean, target - mean_target
    spread = (centred**2).sum()
    if not np.isfinite(spread) or spread <= 0:
        raise ValueError("points that coincide have no direction")
    u, sizes, v = np.linalg.svd(centred_target.T @ centred)
    sign = np.array([1.0, 1.0 if np.linalg.det(u @ v) >= 0 else -1.0])
    linear = (u * sign) @ v * ((sizes * sign).sum() / spread)
    return np.concatenate([linear, (mean_target - linear @ mean)[:, None]], 1)


def five_points(keypoints: F32) -> F64 | None:
    """Landmarks (K, 3) of one face -> its eyes, nose and mouth corners (5, 2); None where K tells nothing of them.

    Known are 5 points as they are, the 68 of iBUG 300-W, and the 35 and 98 of Open Model Zoo and WFLW.
    """
    points = keypoints[:, :2].astype(np.float64)
    if not np.isfinite(points).all():
        return None
    rows = _FIVE.get(len(points))
    return None if rows is None else np.stack([points[list(group)].mean(0) for group in rows])


_FIVE: dict[int, tuple[tuple[int, ...], ...]] = {
    5: ((0,), (1,), (2,), (3,), (4,)),
    35: ((0, 1), (2, 3), (4,), (8,), (9,)),
    68: (tuple(range(36, 42)), tuple(range(42, 48)), (30,), (48,), (54,)),
    98: ((96,), (97,), (54,), (76,), (82,)),
}


def face_matrix(keypoints: F32, size_wh: tuple[int, int]) -> F64 | None:
    """The (2, 3) matrix from pixels of a tensor of `size_wh` to the frame that sets the face upright, as ArcFace wants.

    keypoints: (K, 3) frame pixels. None where they do not tell how the face lies.
    """
    points = five_points(keypoints)
    if points is None:
        return None
    try:
        to_tensor = similarity(points, FACE_112 * (np.array(size_wh) / 112.0))
        return cv2.invertAffineTransform(to_tensor).astype(np.float64)
    except ValueError:
        return None


def eyes_of(keypoints: F32) -> tuple[tuple[float, float, float], tuple[float, float, float]] | None:
    """(centre x, centre y, side) of a square around the left and the right eye, in the order the landmarks have them.

    Where the corners are known the side is 1.8 times their distance, as Open Model Zoo's gaze demo cuts them; of the
    centres alone 0.75 times the distance between the eyes.
    """
    points = keypoints[:, :2].astype(np.float64)
    corners = {35: ((0, 1), (2, 3)), 68: ((36, 39), (42, 45)), 98: ((60, 64), (68, 72))}.get(len(points))
    if not np.isfinite(points).all():
        return None
    if corners is not None:
        left, right = (_square(points[a], points[b], 1.8) for a, b in corners)
        return left, right
    if len(points) != 5:
        return None
    side = 0.75 * float(np.hypot(*(points[1] - points[0])))
    return (float(points[0, 0]), float(points[0, 1]), side), (float(points[1, 0]), float(points[1, 1]), side)


def _square(a: F64, b: F64, gain: float) -> tuple[float, float, float]:
    x, y = (a + b) / 2
    return float(x), float(y), gain * float(np.hypot(*(b - a)))


# -- pixels ------------------------------------------------------------------------------------------------------------


def warp_planes(picture: Picture, matrix: F64, out: U8, color: ColorMatrix, full_range: bool, pad: float) -> None:
    """Fill `out` (3, H, W) as Y, Cb, Cr with what lies under `matrix` (2, 3), tensor to frame pixels.

    pad: the grey level outside of the frame.
    """
    to_coded = _upright_to_coded(picture)
    if picture.layout is PixelLayout.RGB:
        pixels = np.empty((*out.shape[1:], 3), np.uint8)
        _warp(picture.planes[0], _chained(to_coded, matrix, picture.planes[0].shape), pixels, round(pad))
        write_ycbcr(pixels, out, color, full_range)
        return
    planes = list(picture.planes)
    if picture.layout is PixelLayout.NV12:
        planes = [planes[0], planes[1][..., 0], planes[1][..., 1]]
    own_black = round(pad if picture.full_range else 16 + pad * 219 / 255)
    for channel, plane, level in zip(out, planes, (own_black, 128, 128), strict=False):
        _warp(np.ascontiguousarray(plane), _chained(to_coded, matrix, plane.shape), channel, level)
    if picture.layout is PixelLayout.GREY:
        out[1:] = 128
    if (picture.matrix, picture.full_range) != (color, full_range):
        convert_planes(out, picture.matrix, picture.full_range, color, full_range)


def warp_rgb(upright: U8, matrix: F64, out: U8, pad: float) -> None:
    """Fill `out` (3, H, W) as R, G, B from an upright picture (h, w, 3); as `warp_planes`."""
    pixels = np.empty((*out.shape[1:], 3), np.uint8)
    _warp(upright, matrix, pixels, round(pad))
    out[...] = pixels.transpose(2, 0, 1)


def _warp(source: NDArray[Any], matrix: F64, out: NDArray[Any], level: int) -> None:
    """matrix: tensor -> source, corners at whole numbers; OpenCV counts from the centres of pixels."""
    centred = matrix.copy()
    centred[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    size = (out.shape[1], out.shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    levels = (level, level, level) if source.ndim == 3 else level
    out[...] = cv2.warpAffine(source, centred, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=levels)


def _upright_to_coded(picture: Picture) -> F64:
    """(2, 3): upright frame pixels -> fractions of the coded picture."""
    width, height = picture.upright_wh
    m = np.array([[1 / width, 0.0, 0.0], [0.0, 1 / height, 0.0]])
    for _ in range(picture.turns % 4):  # undo one clockwise turn at a time
        m = np.array([m[1], [-m[0, 0], -m[0, 1], 1 - m[0, 2]]])
    return np.array([[-m[0, 0], -m[0, 1], 1 - m[0, 2]], m[1]]) if picture.mirror else m


def _chained(to_coded: F64, matrix: F64, shape: tuple[int, ...]) -> F64:
    """tensor -> frame -> samples of a coded plane of `shape`."""
    square = np.vstack([matrix, [0, 0, 1]])
    return (to_coded @ square) * np.array([[shape[1]], [shape[0]]], np.float64)
