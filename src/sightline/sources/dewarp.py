"""Bent pictures -> flat ones: which pixel of the camera's picture each pixel of a chosen view shows.

Every pixel of the view asks a surface for its ray, the ray is turned into the camera's frame, and the lens says where
it saw that. The turns are those of DeepStream's dewarper: yaw to the right, pitch up, roll clockwise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, isfinite, pi, radians, sin, tan
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sightline.errors import UsageError
from sightline.sources.dewarp_lenses import by_fisheye, by_panorama, by_plain_lens
from sightline.sources.dewarp_surfaces import FLAT, SURFACES, squeeze_of

__all__ = ["Dewarp", "FisheyeDewarp", "LensDewarp", "PanoramaDewarp"]

F64 = NDArray[np.float64]
Surface = Literal[
    "perspective", "pushbroom", "cylinder", "lying-cylinder", "panorama", "fisheye", "panini", "stereographic"
]
_MOST_SIDE = 16384  # pixels
_MOST = 64_000_000  # pixels of a view


class Dewarp(Protocol):
    """What the pixels of a view show: the options of a stream's "dewarp"."""

    @property
    def outside(self) -> Literal["black", "repeat"]: ...
    @property
    def wraps(self) -> bool: ...
    def size_of(self, source_wh: tuple[int, int]) -> tuple[int, int]: ...
    def look_up(self, source_wh: tuple[int, int], x: F64, y: F64) -> F64: ...


@dataclass(frozen=True)
class _View(ABC):
    """The view, whatever the lens.

    to: the surface that it is spread on.
    width, height: of that surface in pixels; 0 for the camera's.
    output_width, output_height: of the picture where it is another than the surface's (it is then scaled); 0: no.
    yaw_deg, pitch_deg, roll_deg: turns of the view to the right, up, clockwise.
    axes: their order, each letter once: Y yaw, X pitch, Z roll.
    rotation: nine numbers, row by row, instead of the turns: a ray of the view -> the camera's frame.
    top_deg, bottom_deg: the angles above the axis that the first and the last row show; without both of them the view
        has the camera's focal length and centre.
    control: of "pushbroom", "panini" and "stereographic"; 0 makes them planes.
    target_focal_px: the view's own focal length, one number or one for each axis.
    target_centre_px: x, y of the pixel on its axis.
    focal_px: the camera's focal length, one number or one for each axis.
    fov_deg: instead of it, the angle that the camera's picture covers from its first to its last row.
    centre_x_px, centre_y_px: where the camera's axis meets its picture, (0, 0) the middle of the first pixel; the
        middle of the picture where not given.
    distortion: of the lens, see there.
    outside: what is shown where the camera saw nothing: black, or its nearest pixel.
    """

    to: Surface = "perspective"
    width: int = 0
    height: int = 0
    output_width: int = 0
    output_height: int = 0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    axes: Literal["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"] = "YXZ"
    rotation: tuple[float, ...] | None = None
    top_deg: float | None = None
    bottom_deg: float | None = None
    control: float = 0.6
    target_focal_px: float | tuple[float, float] | None = None
    target_centre_px: tuple[float, float] | None = None
    focal_px: float | tuple[float, float] | None = None
    fov_deg: float | None = None
    centre_x_px: float | None = None
    centre_y_px: float | None = None
    distortion: tuple[float, ...] = ()
    outside: Literal["black", "repeat"] = "black"

    def __post_init__(self) -> None:
        for name in ("width", "height", "output_width", "output_height"):
            if not 0 <= getattr(self, name) <= _MOST_SIDE:
                raise ValueError(f"{name} {getattr(self, name)}: from 0 (the camera's) to {_MOST_SIDE}")
        for name, value in (("focal_px", self.focal_px), ("target_focal_px", self.target_focal_px)):
            if value is not None and not all(isfinite(v) and v > 0 for v in _pair(value)):
                raise ValueError(f"{name} {value}: above 0")
        if self.fov_deg is not None and not 0 < self.fov_deg <= 360:
            raise ValueError(f"fov_deg {self.fov_deg:g}: above 0, at most 360")
        if self.rotation is not None and len(self.rotation) != 9:
            raise ValueError(f"rotation: nine numbers, got {len(self.rotation)}")
        self._check_angles()

    def _check_lens(self) -> None:
        if self.focal_px is None and self.fov_deg is None:
            raise ValueError("give focal_px of the lens, or the fov_deg that its picture covers from top to bottom")

    def _check_angles(self) -> None:
        if (self.top_deg is None) != (self.bottom_deg is None):
            raise ValueError("top_deg and bottom_deg: give both or none")
        if self.top_deg is None or self.bottom_deg is None:
            return
        if self.top_deg <= self.bottom_deg:
            raise ValueError(f"top_deg {self.top_deg:g} must lie above bottom_deg {self.bottom_deg:g}")
        if self.to in FLAT and max(abs(self.top_deg), abs(self.bottom_deg)) >= 90:
            raise ValueError(f"top_deg and bottom_deg: between -90 and 90 on a surface of the kind {self.to!r}")
        if max(abs(self.top_deg), abs(self.bottom_deg)) > 180:
            raise ValueError("top_deg and bottom_deg: from -180 to 180")

    @property
    def wraps(self) -> bool:
        """Whether the camera's right edge is where its left edge is."""
        return False

    def size_of(self, source_wh: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of the picture that is shown. Raises UsageError for one beyond reason."""
        surface = self._surface(source_wh)
        w, h = self.output_width or surface[0], self.output_height or surface[1]
        if w * h > _MOST or max(w, h) > _MOST_SIDE:
            raise UsageError(f"dewarp: a view of {w} x {h} pixels is too large; give width and height")
        return w, h

    def look_up(self, source_wh: tuple[int, int], x: F64, y: F64) -> F64:
        """Pixels (x, y), each (...), of the view, (0, 0) the middle of the first -> where the camera saw them (..., 2).

        source_wh: (width, height) of the camera's upright picture. NaN where it saw nothing; outside of the picture
        where its lens would have, but its sensor ends.
        """
        (width, height), (shown_w, shown_h) = self._surface(source_wh), self.size_of(source_wh)
        x, y = (x + 0.5) * (width / shown_w) - 0.5, (y + 0.5) * (height / shown_h) - 0.5
        (fx, fy), (cx, cy) = self._axes_of_view(source_wh)
        rays = SURFACES[self.to]((x - cx) / fx, (y - cy) / fy, self.control)
        seen = self._lens(rays @ self.turn().T)
        return seen * self._focal(source_wh) + self._centre(source_wh)

    def turn(self) -> F64:
        """(3, 3): a ray of the view -> the camera's frame."""
        if self.rotation is not None:
            return np.array(self.rotation, np.float64).reshape(3, 3)
        by_axis = {"X": _pitch(self.pitch_deg), "Y": _yaw(self.yaw_deg), "Z": _roll(self.roll_deg)}
        first, second, third = (by_axis[axis] for axis in self.axes)
        return first @ second @ third

    def _surface(self, source_wh: tuple[int, int]) -> tuple[int, int]:
        return self.width or source_wh[0], self.height or source_wh[1]

    def _axes_of_view(self, source_wh: tuple[int, int]) -> tuple[tuple[float, float], tuple[float, float]]:
        """The focal lengths and the centre of the view's surface, by axis, in its pixels."""
        width, height = self._surface(source_wh)
        focal, centre = self._focal(source_wh), self._centre(source_wh)
        offset = (centre[0] - (source_wh[0] - 1) / 2, centre[1] - (source_wh[1] - 1) / 2)
        found = ((width - 1) / 2 + offset[0], (height - 1) / 2 + offset[1])
        if self.top_deg is not None and self.bottom_deg is not None:
            top, bottom = (squeeze_of(self.to, radians(a), self.control) for a in (self.top_deg, self.bottom_deg))
            whole = self.to == "panorama" and abs(self.top_deg - self.bottom_deg - 180) < 1e-6
            one = (height if whole else max(1, height - 1)) / (top - bottom)  # the poles are edges, not pixels
            focal, found = (one, one), ((width - 1) / 2, one * top - (0.5 if whole else 0.0))
        if self.target_focal_px is not None:
            focal = _pair(self.target_focal_px)
        return focal, self.target_centre_px or found

    def _focal(self, source_wh: tuple[int, int]) -> tuple[float, float]:
        """The camera's focal lengths, by axis."""
        if self.focal_px is not None:
            return _pair(self.focal_px)
        if self.fov_deg is None:
            raise UsageError("dewarp: give the camera's focal_px, or the fov_deg of its picture's height")
        half = (source_wh[1] if self.fov_deg == 180 else source_wh[1] - 1) / 2
        return _pair(half / self._reach(radians(self.fov_deg) / 2))

    def _centre(self, source_wh: tuple[int, int]) -> tuple[float, float]:
        x = (source_wh[0] - 1) / 2 if self.centre_x_px is None else self.centre_x_px
        y = (source_wh[1] - 1) / 2 if self.centre_y_px is None else self.centre_y_px
        return x, y

    def _reach(self, angle: float) -> float:
        """How far from the axis, in focal lengths, the lens without its distortion puts what lies at that angle."""
        return angle

    @abstractmethod
    def _lens(self, rays: F64) -> F64:
        """Where the lens puts rays, in focal lengths from the centre of its picture."""


@dataclass(frozen=True)
class FisheyeDewarp(_View):
    """A fisheye lens, as on ceilings: distances from the centre go with the angle.

    distortion: k1, k2, k3, k4 of r = t (1 + k1 t^2 + k2 t^4 + k3 t^6 + k4 t^8), as OpenCV's fisheye has them.
    """

    def __post_init__(self) -> None:
        _View.__post_init__(self)
        _check_distortion(self.distortion, 4)
        self._check_lens()

    def _lens(self, rays: F64) -> F64:
        return by_fisheye(rays, self.distortion)


@dataclass(frozen=True)
class LensDewarp(_View):
    """An ordinary lens whose straight lines are bent a little.

    distortion: k1, k2, k3 (radial), p1, p2 (tangential), in this order.
    """

    def __post_init__(self) -> None:
        _View.__post_init__(self)
        _check_distortion(self.distortion, 5)
        self._check_lens()
        if self.focal_px is None and self.fov_deg is not None and self.fov_deg >= 180:
            raise ValueError(f"fov_deg {self.fov_deg:g}: below 180 with an ordinary lens")

    def _reach(self, angle: float) -> float:
        return tan(angle)

    def _lens(self, rays: F64) -> F64:
        return by_plain_lens(rays, self.distortion)


@dataclass(frozen=True)
class PanoramaDewarp(_View):
    """A panorama whose columns are longitudes and whose rows are latitudes; all around where nothing else is given."""

    def __post_init__(self) -> None:
        _View.__post_init__(self)
        if any(self.distortion):
            raise ValueError("distortion: a panorama has none")

    @property
    def wraps(self) -> bool:
        """Whether it goes all around."""
        return self.focal_px is None and self.fov_deg in (None, 180.0)

    def _focal(self, source_wh: tuple[int, int]) -> tuple[float, float]:
        if self.focal_px is None and self.fov_deg is None:
            return _pair(source_wh[0] / (2 * pi))
        return _View._focal(self, source_wh)

    def _lens(self, rays: F64) -> F64:
        return by_panorama(rays)


def _pair(value: float | tuple[float, float]) -> tuple[float, float]:
    return value if isinstance(value, tuple) else (float(value), float(value))


def _check_distortion(values: Sequence[float], most: int) -> None:
    if len(values) > most or not all(isfinite(v) for v in values):
        raise ValueError(f"distortion: at most {most} finite numbers, got {list(values)}")


def _yaw(degrees: float) -> F64:
    c, s = cos(radians(degrees)), sin(radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _pitch(degrees: float) -> F64:
    c, s = cos(radians(degrees)), sin(radians(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _roll(degrees: float) -> F64:
    c, s = cos(radians(degrees)), sin(radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
