"""A procedural street as a source: `synthetic://street?seed=1&seconds=20`, with the exact truth of every frame.

People, cars and bikes pass each other and lamp posts, cast shadows, under changing light and sensor noise.
Everything follows from the seed: any frame can be drawn alone, and the same frame is the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import cast
from urllib.parse import parse_qsl, urlsplit

import cv2
import numpy as np

from sightline.errors import UsageError
from sightline.sources.backdrop import Fixture, backdrop, fixtures
from sightline.sources.painting import Pose, cover, dressed, paint, placed, shade
from sightline.sources.scene import LABELS, WALL, Crossing, Street, street
from sightline.types import U8, ColorMatrix, Detections, Frame, Instant, Picture, PixelLayout, StreamInfo

__all__ = ["Scene", "SyntheticSource"]

TICKS = 90_000  # the time base of MPEG systems
NOISE_STEP = 8


@dataclass(frozen=True)
class Scene:
    """The street of a seed, frame by frame. width, height in pixels; rate in frames per second.

    jitter: the camera shakes by up to so many whole pixels. noise: its standard deviation in grey levels.
    light: relative change of the light over time.
    """

    seed: int = 1
    width: int = 960
    height: int = 540
    rate: Fraction = Fraction(25)
    jitter: int = 0
    noise: float = 3.0
    light: float = 0.12

    @cached_property
    def street(self) -> Street:
        return street(self.seed, self.width, self.height)

    @cached_property
    def line(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """A line across the street in frame pixels, from the near edge to the houses: "in" is to the right.

        It lies in the middle half of the frame, where posts and trees hide the least of it.
        """
        standing = np.zeros((self.height, self.width), np.uint8)
        for _, pose in self._standing:
            if pose is not None:
                cover(standing, pose, 1)
        best, least = self._across(0.5), 1 << 30
        for share in sorted(np.linspace(0.25, 0.75, 41), key=lambda share: abs(share - 0.5)):
            line = self._across(float(share))
            band = np.zeros_like(standing)
            ends = [tuple(int(c) for c in point) for point in line]
            cv2.line(band, ends[0], ends[1], 1, max(3, self.width // 20))
            hidden = cv2.countNonZero(band & standing)
            if hidden < least:
                best, least = line, hidden
        return best

    def _across(self, share: float) -> tuple[tuple[float, float], tuple[float, float]]:
        """The line across the street through the middle of the road at that part of the width."""
        camera = self.street.camera
        u = camera.along(share * self.width, 8.0)
        # its far end is 1 m up the wall: the foot of who is half hidden seems to be higher
        near, far = camera.project(np.array([[u, 0.62, 0.0], [u, WALL, 1.0]]))
        return (float(near[0]), float(near[1])), (float(far[0]), float(far[1]))

    def time_s(self, index: int) -> float:
        """Seconds of a frame, as its pts says."""
        return round(index * TICKS / self.rate) / TICKS

    def crossings(self, line: tuple[tuple[float, float], ...], frames: int) -> list[Crossing]:
        """The true crossings of `line` (frame pixels) from the first to the last of so many frames."""
        return self.street.crossings(line, self.time_s(0), self.time_s(max(frames - 1, 0)))

    def truth(self, index: int) -> Detections:
        """Who is to be seen in a frame, from far to near: boxes of their visible parts in frame pixels.

        columns: `id` (N,) int64; `visible` (N,) float32, the share of the whole outline that is seen; `anchor` (N, 2)
        float32, the point on the ground below its middle, which may lie outside the frame.
        """
        return self._seen(self._poses(index), None)

    def draw(self, index: int) -> tuple[Picture, Detections]:
        """The frame as I420 planes (BT.601, limited range), and its truth."""
        dx, dy = self._shake(index)
        pad = self.jitter
        # even sizes for the chroma planes; what stands over is cut from the planes below
        h, w = self.height + self.height % 2, self.width + self.width % 2
        top, left = pad - dy, pad - dx
        frame = self._empty[top : top + h, left : left + w].copy()
        dark = self._shaded[top : top + h, left : left + w]
        poses = self._poses(index)
        for pose in poses:
            if pose.actor is not None:
                shade(frame, dark, pose, *self._sun)
        truth = self._seen(poses, frame)
        planes = cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420)
        luma = self._expose(cast(U8, planes[:h]), index)
        chroma = cast(U8, planes[h:]).reshape(2, h // 2, w // 2)
        half_h, half_w = (self.height + 1) // 2, (self.width + 1) // 2
        picture = Picture(
            (luma[: self.height, : self.width], chroma[0, :half_h, :half_w], chroma[1, :half_h, :half_w]),
            PixelLayout.I420,
            ColorMatrix.BT601,
        )
        return picture, truth

    @cached_property
    def _empty(self) -> U8:
        even = street(self.seed, self.width, self.height)
        return np.pad(backdrop(even, self.jitter), ((0, 1), (0, 1), (0, 0)), mode="edge")

    @cached_property
    def _shaded(self) -> U8:
        return (self._empty * np.array([0.52, 0.55, 0.6])).astype(np.uint8)

    @cached_property
    def _fixtures(self) -> tuple[Fixture, ...]:
        return fixtures(self.street)

    @cached_property
    def _grain(self) -> U8:
        """Noise around 128, larger than the frame, so that every frame may take another part of it."""
        rng = np.random.default_rng((self.seed, 17))
        size = self.height + 2 + 16 * NOISE_STEP, self.width + 2 + 16 * NOISE_STEP
        return np.clip(np.rint(rng.normal(128, self.noise, size)), 0, 255).astype(np.uint8)

    def _shake(self, index: int) -> tuple[int, int]:
        if not self.jitter:
            return 0, 0
        dx, dy = np.random.default_rng((self.seed, 19, index)).integers(-self.jitter, self.jitter + 1, 2)
        return int(dx), int(dy)

    def _expose(self, luma: U8, index: int) -> U8:
        """Light and noise: gain about black, plus a part of the grain."""
        t = self.time_s(index)
        gain = 1.0 + self.light * (0.6 * np.sin(t * 0.35 + self.seed) + 0.4 * np.sin(t * 1.3 + 2.0 * self.seed))
        ox, oy = np.random.default_rng((self.seed, 23, index)).integers(0, 16 * NOISE_STEP, 2)
        h, w = luma.shape
        grain = self._grain[oy : oy + h, ox : ox + w]
        return cv2.addWeighted(luma, gain, grain, 1.0, 16 - 16 * gain - 128)  # type: ignore[return-value]

    def _poses(self, index: int) -> list[Pose]:
        """Everything to paint, from far to near."""
        t, shift = self.time_s(index), self._shake(index)
        camera = self.street.camera
        things = [*(self._standing if shift == (0, 0) else self._stand(shift))]
        for actor in self.street.actors(t, t):
            ground = actor.u(t), actor.v
            grow = actor.heading * actor.size, actor.size
            things.append((camera.depth(*ground), placed(camera, *dressed(actor, t), ground, grow, shift, actor)))
        things.sort(key=lambda thing: -thing[0])
        return [pose for _, pose in things if pose is not None]

    def _stand(self, shift: tuple[int, int]) -> list[tuple[float, Pose | None]]:
        """What stands still, each with its depth in metres."""
        camera = self.street.camera
        return [
            (camera.depth(f.u, f.v), placed(camera, f.figure, f.paints, (f.u, f.v), (f.size, f.size), shift, None))
            for f in self._fixtures
        ]

    @cached_property
    def _standing(self) -> list[tuple[float, Pose | None]]:
        return self._stand((0, 0))

    @cached_property
    def _sun(self) -> tuple[float, float]:
        lean, flat = np.random.default_rng((self.seed, 29)).uniform((-0.8, 0.12), (0.8, 0.3))
        return float(lean), float(flat)

    def _seen(self, poses: list[Pose], frame: U8 | None) -> Detections:
        """Paint the frame (where given) and a map of who is in front, and read the truth off the map."""
        front = np.zeros((self.height, self.width), np.uint8)
        rows: list[tuple[Pose, int, int]] = []
        for pose in poses:
            if frame is not None:
                paint(frame, pose)
            key = 0
            if pose.actor is not None and len(rows) < 255:
                key = len(rows) + 1
            cover(front, pose, key)
            if key:
                x0, y0, x1, y1 = pose.box
                alone = cv2.countNonZero((front[y0:y1, x0:x1] == key).view(np.uint8))
                rows.append((pose, key, alone))
        return self._columns(front, rows)

    def _columns(self, front: U8, rows: list[tuple[Pose, int, int]]) -> Detections:
        boxes: list[tuple[float, float, float, float]] = []
        ids: list[int] = []
        labels: list[int] = []
        visible: list[float] = []
        anchors: list[tuple[float, float]] = []
        for pose, key, alone in rows:
            x0, y0, x1, y1 = pose.box
            mine = (front[y0:y1, x0:x1] == key).view(np.uint8)
            count = cv2.countNonZero(mine)
            if not count or pose.actor is None:
                continue
            x, y, w, h = cv2.boundingRect(mine)
            boxes.append((x0 + x, y0 + y, x0 + x + w, y0 + y + h))
            ids.append(pose.actor.id)
            labels.append(pose.actor.label)
            points = pose.points / 16.0 + 0.5
            low, high = points.min(0), points.max(0)
            inside = np.clip(high, 0, (self.width, self.height)) - np.clip(low, 0, (self.width, self.height))
            visible.append(count / max(alone, 1) * min(1.0, float(np.prod(inside) / np.prod(high - low))))
            anchors.append((float(pose.foot[0]), float(pose.foot[1])))
        n = len(boxes)
        return Detections(
            np.array(boxes, np.float32).reshape(n, 4),
            np.ones(n, np.float32),
            np.array(labels, np.int32),
            LABELS,
            "truth",
            columns={
                "id": np.array(ids, np.int64),
                "visible": np.array(visible, np.float32),
                "anchor": np.array(anchors, np.float32).reshape(n, 2),
            },
        )


@dataclass(frozen=True)
class SyntheticSource:
    """`synthetic://street?seed=1&seconds=20&width=960&height=540&rate=25&jitter=0&noise=3&light=0.12&live=false`.

    seconds 0: endless. live: frames come at their own pace, and the stream says that it is live.
    Implements `Source`; raises UsageError for an unknown scene or option, or a value out of range, when iterated or
    when built by `from_url`.
    """

    id: str = "street"
    seed: int = 1
    seconds: float = 20.0
    width: int = 960
    height: int = 540
    rate: Fraction = Fraction(25)
    jitter: int = 0
    noise: float = 3.0
    light: float = 0.12
    live: bool = False

    @classmethod
    def from_url(cls, url: str, id: str = "") -> SyntheticSource:
        """The source that a `synthetic://` URL names. Raises UsageError naming the option that is wrong."""
        parts = urlsplit(url)
        scene = parts.netloc or parts.path.strip("/")
        if parts.scheme != "synthetic" or scene != "street":
            raise UsageError(f"{url}: the scene that there is: synthetic://street")
        found: dict[str, object] = {}
        for key, text in parse_qsl(parts.query, keep_blank_values=True):
            if key not in _OPTIONS:
                raise UsageError(f"{url}: unknown option {key!r}; known: {', '.join(_OPTIONS)}")
            try:
                found[key] = _OPTIONS[key](text)
            except (ValueError, ZeroDivisionError) as error:
                raise UsageError(f"{url}: {key}: {text!r} is not a value for it") from error
        source = cls(id=id or scene, **found)  # type: ignore[arg-type]  every key has its own type in _OPTIONS
        source._check()
        return source

    def _check(self) -> None:
        ranges = (
            ("width", self.width, 16, 7680),
            ("height", self.height, 16, 4320),
            ("rate", self.rate, 1, 240),
            ("seconds", self.seconds, 0, 1e7),
            ("jitter", self.jitter, 0, 64),
            ("noise", self.noise, 0, 60),
            ("light", self.light, 0, 0.9),
            ("seed", self.seed, 0, 2**31),
        )
        for name, value, least, most in ranges:
            if not least <= value <= most:  # also false for NaN
                raise UsageError(f"synthetic://street: {name} is from {least} to {most:g}, got {float(value):g}")

    @property
    def scene(self) -> Scene:
        """The scene behind the stream, for its truth."""
        return Scene(self.seed, self.width, self.height, self.rate, self.jitter, self.noise, self.light)

    @property
    def count(self) -> int | None:
        """How many frames there will be; None for endless."""
        return None if self.seconds == 0 else max(1, round(self.seconds * self.rate))

    def info(self) -> StreamInfo:
        return StreamInfo(
            id=self.id,
            width=self.width,
            height=self.height,
            base=Fraction(1, TICKS),
            rate=self.rate,
            live=self.live,
            duration_s=self.seconds or None,
            frames=self.count,
        )

    def frames(self, tap: Callable[[object], None] | None = None) -> Iterator[Frame]:
        """The frames in order; a scene has no packets, so `tap` sees none."""
        self._check()
        scene, info, count = self.scene, self.info(), self.count
        begun = time.monotonic()
        index = 0
        while count is None or index < count:
            if self.live:
                # never behind its own clock for long: a late reader gets the next frames at once
                wait = begun + float(index / self.rate) - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
            picture, _ = scene.draw(index)
            at = Instant(round(index * TICKS / self.rate), info.base)
            yield Frame(info, index, at, picture, self.width, self.height, wall_ns=time.time_ns())
            index += 1


def _truth_value(text: str) -> bool:
    if text.lower() not in {"", "1", "true", "yes", "0", "false", "no"}:
        raise ValueError(text)
    return text.lower() in {"", "1", "true", "yes"}


_OPTIONS: dict[str, Callable[[str], object]] = {
    "seed": int,
    "seconds": float,
    "width": int,
    "height": int,
    "rate": Fraction,
    "jitter": int,
    "noise": float,
    "light": float,
    "live": _truth_value,
}
