"""The records that everything else passes around: frozen, slotted, NumPy and the standard library only.

Frames of reference, said once:
- *frame pixels*: the upright picture as shown (rotation and sample aspect applied), x to the right, y down,
  (0, 0) the outer corner of the top left pixel, so a full frame is the box (0, 0, width, height);
- *model pixels*: the tensor that the network sees, same convention;
- `View.matrix` leads from model pixels to frame pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from fractions import Fraction
from typing import Any, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]


class Tensor(Protocol):
    """Anything with a shape, a dtype and DLPack; NumPy on the CPU."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> Any: ...
    @property
    def __dlpack__(self) -> Any: ...


# -- time and streams ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment of a stream: `pts` in units of `base` seconds, as the container has it.

    `epoch` rises at every reconnect or loop: instants of different epochs are not comparable.
    `offset_s` is what an untimed stream (pts None) counts instead: frame index / nominal rate.
    """

    pts: int | None
    base: Fraction
    epoch: int = 0
    offset_s: float | None = None

    @property
    def seconds(self) -> float | None:
        """pts * base, unshifted; the nominal time of an untimed stream; None where there is no time at all (stills)."""
        if self.pts is None:
            return self.offset_s
        return self.pts * self.base.numerator / self.base.denominator

    def since(self, other: Instant) -> float:
        """Seconds from `other` to this one, may be negative. Raises ValueError across epochs or without times."""
        if self.epoch != other.epoch:
            raise ValueError(f"instants of epochs {other.epoch} and {self.epoch} are not comparable")
        mine, theirs = self.seconds, other.seconds
        if mine is None or theirs is None:
            raise ValueError("an instant without a time has no distance to another")
        return mine - theirs


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What is known of a stream before its first frame. `width` and `height` are those of the upright picture.

    `rate` (frames per second, None unknown) is for display and for untimed streams only.
    `rotation` is in degrees clockwise needed to set the coded picture upright; `duration_s` and `frames` are what
    the container claims (None unknown) and good for progress bars only.
    """

    id: str
    width: int
    height: int
    base: Fraction
    rate: Fraction | None = None
    rotation: int = 0
    sar: Fraction = Fraction(1)
    live: bool = False
    timed: bool = True
    still: bool = False
    duration_s: float | None = None
    frames: int | None = None


class ColorMatrix(StrEnum):
    """The Y'CbCr matrix of a picture (ITU-T H.273 MatrixCoefficients that occur in practice)."""

    BT601 = "bt601"
    BT709 = "bt709"
    BT2020 = "bt2020"


class PixelLayout(StrEnum):
    """How the planes of a `Picture` lie. Rarer formats are brought to one of these by the source."""

    I420 = "i420"  # Y (h, w), U and V ((h+1)//2, (w+1)//2)
    NV12 = "nv12"  # Y (h, w), UV ((h+1)//2, (w+1)//2, 2)
    I444 = "i444"  # Y, U, V (h, w)
    GREY = "grey"  # Y (h, w)
    RGB = "rgb"  # (h, w, 3)


@dataclass(frozen=True, slots=True)
class Picture:
    """The decoder's own uint8 planes in coded orientation, without a copy.

    planes: see `PixelLayout`; may be strided, must be treated as read-only (they may be the decoder's references).
    turns: quarter turns clockwise that set it upright, applied after `mirror` (a left-right flip of the coded picture).
    sar: sample aspect ratio of the coded pixels.
    owner: what keeps the planes' memory alive and an encoder may take as it is (an `av.VideoFrame`), or None.
    """

    planes: tuple[U8, ...]
    layout: PixelLayout
    matrix: ColorMatrix = ColorMatrix.BT601
    full_range: bool = False
    turns: int = 0
    mirror: bool = False
    sar: Fraction = Fraction(1)
    owner: object | None = None

    @property
    def coded_wh(self) -> tuple[int, int]:
        """(width, height) as coded, before turns and sample aspect."""
        h, w = self.planes[0].shape[:2]
        return w, h

    @property
    def upright_wh(self) -> tuple[int, int]:
        """(width, height) as shown: sample aspect stretches the coded width, then the quarter turns apply."""
        w, h = self.coded_wh
        if self.sar != 1:
            w = max(1, round(w * self.sar))
        return (h, w) if self.turns % 2 else (w, h)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of one stream.

    index: ordinal from 0 within the stream (never computed from time). `wall_ns`: when it arrived (time.time_ns).
    picture: None once nobody downstream wants it, so that the decoder gets its memory back.
    width, height: of the upright picture; valid also where `picture` is None.
    corrupt: the decoder flagged damage. name: the file that a still came from, "" for video.
    """

    stream: StreamInfo
    index: int
    at: Instant
    picture: Picture | None
    width: int
    height: int
    wall_ns: int = 0
    corrupt: bool = False
    name: str = ""

    def without_picture(self) -> Frame:
        return self if self.picture is None else replace(self, picture=None)


@dataclass(frozen=True, slots=True)
class View:
    """A part of a frame as a network sees it: `matrix` (2, 3) float64 leads from model pixels to frame pixels.

    A full frame, a tile and an object crop are the same thing. `size_wh` is the tensor's (width, height).
    `parent` is the row of the object it was cropped from, -1 for none.
    """

    frame: Frame
    matrix: NDArray[np.float64]
    size_wh: tuple[int, int]
    parent: int = -1

    def to_frame(self, points: NDArray[np.floating[Any]]) -> F32:
        """Points (..., 2) in model pixels -> float32 points (..., 2) in frame pixels."""
        p = np.asarray(points, np.float64)
        return (p @ self.matrix[:, :2].T + self.matrix[:, 2]).astype(np.float32)

    def boxes_to_frame(self, xyxy: F32) -> F32:
        """Boxes (N, 4) xyxy in model pixels -> the enclosing upright boxes (N, 4) in frame pixels, unclipped."""
        if not len(xyxy):
            return np.zeros((0, 4), np.float32)
        m = self.matrix
        if m[0, 1] == 0 and m[1, 0] == 0 and m[0, 0] > 0 and m[1, 1] > 0:
            gain = np.array([m[0, 0], m[1, 1], m[0, 0], m[1, 1]])
            shift = np.array([m[0, 2], m[1, 2], m[0, 2], m[1, 2]])
            return (xyxy * gain + shift).astype(np.float32)
        corners = self.to_frame(xyxy[:, [[0, 1], [2, 1], [2, 3], [0, 3]]])  # (N, 4, 2)
        return np.concatenate([corners.min(1), corners.max(1)], 1)


# -- what a model is -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """name, shape (None where dynamic), NumPy dtype name, and layout ("NCHW", "NHWC", "" where it has none)."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"
    layout: str = ""


class Resize(StrEnum):
    """How a picture is brought to the size of the model's input."""

    STRETCH = "stretch"
    LETTERBOX = "letterbox"  # keep the ratio, centred, rest filled with `pad`
    LETTERBOX_TOPLEFT = "letterbox-topleft"
    CROP = "crop"  # keep the ratio, fill the input, cut what stands out (centred)
    LINE = "line"  # fill the height, keep the ratio, rest at the right filled with `pad`; squeezed where too wide


class ChannelOrder(StrEnum):
    RGB = "rgb"
    BGR = "bgr"
    GREY = "grey"


@dataclass(frozen=True, slots=True)
class Preprocess:
    """tensor = (pixel - mean) / scale, pixel 0..255, in the model's own channel order.

    mean, scale: one number, or one a channel in the order the model wants them. pad: grey level 0..255 (one number).
    """

    color: ChannelOrder = ChannelOrder.RGB
    mean: tuple[float, ...] = (0.0,)
    scale: tuple[float, ...] = (1.0,)
    resize: Resize = Resize.STRETCH
    pad: float = 114.0


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input of a model and what feeds it.

    source: "view" the picture (several inputs may have it, each with its own size and preprocessing);
    "window:N" the last N views of the stream, oldest first, stacked on the input's time axis;
    "difference" this view minus the one before it, after preprocessing; "size_wh" or "size_hw" the picture input's
    size (N, 2); "ones" or "zeros" a tensor of them; "part:NAME" the picture of a part of the object that the view was
    cropped from ("left-eye"); "column:NAME" what is known of it ("head-pose"), "window:N:column:NAME" the last N of
    them along its track.
    multiple: sides left open by the tensor's shape are rounded to multiples of this many pixels; 0: they are not open.
    """

    tensor: TensorSpec
    preprocess: Preprocess = Preprocess()
    source: str = "view"
    multiple: int = 0

    @property
    def size_wh(self) -> tuple[int, int]:
        """(width, height) in pixels of a picture input; 0 where dynamic."""
        layout = self.tensor.layout if "W" in self.tensor.layout else "NCHW"
        shape = self.tensor.shape
        return shape[layout.index("W")] or 0, shape[layout.index("H")] or 0

    @property
    def frames(self) -> int:
        """How many pictures this input is made of: 1 for a view, N for a window, 2 for a difference, 0 for none."""
        kind, _, rest = self.source.partition(":")
        if kind == "window":
            return 0 if "column" in rest else int(rest)
        return {"view": 1, "part": 1, "difference": 2}.get(kind, 0)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which boxes of a class are told at all, in frame pixels; 0: no bound.

    least_wh, most_wh: width and height of the smallest and the largest. top_px, bottom_px: margins of the frame that
    no box reaches into. cut: boxes that do are cut at the margin instead. of_wh: the size of frame that these numbers
    are counted in, where it is not the frame's own.
    """

    least_wh: tuple[float, float] = (0.0, 0.0)
    most_wh: tuple[float, float] = (0.0, 0.0)
    top_px: float = 0.0
    bottom_px: float = 0.0
    cut: bool = False
    of_wh: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """score: least printed score; nms: IoU above which the weaker goes; top: most objects a view; each: most objects
    of one class, None no limit but `top`.

    per_class: label -> least score, instead of `score`; nms_of, each_of: likewise, instead of `nms` and `each`.
    bounds: label -> which boxes of it are told; "" for the labels that it does not name.

    floor: least score a head hands on (the tracker may see lower scores than `score`); None: the same as `score`.
    """

    score: float = 0.25
    nms: float = 0.45
    top: int = 300
    per_class: Mapping[str, float] = field(default_factory=dict[str, float])
    class_agnostic: bool = False
    floor: float | None = None
    each: int | None = None
    nms_of: Mapping[str, float] = field(default_factory=dict[str, float])
    each_of: Mapping[str, int] = field(default_factory=dict[str, int])
    bounds: Mapping[str, Bounds] = field(default_factory=dict[str, Bounds])

    @property
    def least(self) -> float:
        """The least score that a head has to look at."""
        low = min((self.score, *self.per_class.values()))
        return low if self.floor is None else min(low, self.floor)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Everything needed to feed a model and read what it says, once identified.

    task: "detect", "segment" (instance masks), "semantic" (a class map), "classify", "pose", "landmarks", "embed",
    "text" (a line of characters), "text-detect", "obb" (oriented boxes), "gaze" or "pulse".
    """

    name: str
    inputs: tuple[InputSpec, ...]
    outputs: tuple[TensorSpec, ...]
    head: str
    head_options: Mapping[str, object] = field(default_factory=dict[str, object])
    thresholds: Thresholds = Thresholds()
    labels: tuple[str, ...] = ()
    task: str = "detect"
    version: str = ""
    sha256: str = ""
    licence: str = ""

    def label(self, index: int) -> str:
        """The name of class `index`; "class7" where the table has none."""
        return self.labels[index] if 0 <= index < len(self.labels) else f"class{index}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Views that go through a model together, and the tensors made of them: inputs[name] has len(views) first."""

    views: tuple[View, ...]
    inputs: Mapping[str, Tensor]


# -- what a model says -----------------------------------------------------------------------------------------------


def _empty_boxes() -> F32:
    return np.zeros((0, 4), np.float32)


def _empty_i32() -> I32:
    return np.zeros(0, np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """N masks, each a bitmap stretched over a window of its own; `m[rows]` is a Masks.

    window: (N, 4) float32 x1, y1, x2, y2. bits: N uint8 arrays (h, w), 128 and more is inside.
    In a head: model pixels, any resolution, soft values allowed. In frame pixels: whole-pixel windows within the
    frame, each bitmap exactly as large as its window (possibly 0), values 0 or 255.
    """

    window: F32
    bits: tuple[U8, ...]

    def __post_init__(self) -> None:
        if self.window.shape != (len(self.bits), 4):
            raise ValueError(f"window: expected shape ({len(self.bits)}, 4), got {self.window.shape}")

    def __len__(self) -> int:
        return len(self.bits)

    def __getitem__(self, rows: Bool | I64 | I32 | slice) -> Masks:
        kept = cast("list[int]", np.arange(len(self.bits))[rows].tolist())
        return Masks(self.window[rows], tuple(self.bits[i] for i in kept))

    def dense(self, width: int, height: int) -> Bool:
        """Masks in frame pixels as (N, height, width) bool."""
        out = np.zeros((len(self.bits), height, width), np.bool_)
        for plane, (x1, y1, x2, y2), bits in zip(out, self.window.astype(int).tolist(), self.bits, strict=True):
            plane[y1:y2, x1:x2] = bits >= 128
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N objects as columns; valid from birth, empty never None; `d[mask]`, `d[rows]`, `d[a:b]` are Detections.

    xyxy: (N, 4) float32, frame pixels (model pixels while still in a head).
    score: (N,) float32 in 0..1. label: (N,) int32 rows of `names`.
    names: the label table of the stage that made them; shorter than the highest label is allowed ("class7").
    stage: the model's stage name. parent: (N,) int32 rows of the stage they were cropped from, -1 none; may be empty
    for "none has a parent".
    masks: one a row, or None. keypoints: (N, K, 3) float32 x, y, score or None.
    columns: further (N, ...) arrays by name; known to wire and overlay are "obb" (N, 5) float32 cx, cy, w, h, angle
    in radians clockwise, "text" (N,) str objects, "embedding" (N, D) float32, "attributes" (N,) objects, each a
    tuple of `Attribute`, and "custom" (N,) objects, JSON-ready, None for nothing.
    Raises ValueError naming column, expected and got.
    """

    xyxy: F32 = field(default_factory=_empty_boxes)
    score: F32 = field(default_factory=lambda: np.zeros(0, np.float32))
    label: I32 = field(default_factory=_empty_i32)
    names: tuple[str, ...] = ()
    stage: str = "model"
    parent: I32 | None = None
    masks: Masks | None = None
    keypoints: F32 | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])

    def __post_init__(self) -> None:
        n = len(self.xyxy)
        if self.xyxy.shape != (n, 4):
            raise ValueError(f"xyxy: expected shape ({n}, 4), got {self.xyxy.shape}")
        for name, column in self._columns():
            if len(column) != n:
                raise ValueError(f"{name}: expected {n} rows, got {len(column)}")
        if self.keypoints is not None and (self.keypoints.ndim != 3 or self.keypoints.shape[2] != 3):
            raise ValueError(f"keypoints: expected shape ({n}, K, 3), got {self.keypoints.shape}")

    def _columns(self) -> Iterator[tuple[str, Sized]]:
        yield "score", self.score
        yield "label", self.label
        for name in ("parent", "masks", "keypoints"):
            column = getattr(self, name)
            if column is not None:
                yield name, column
        yield from self.columns.items()

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, rows: Bool | I64 | I32 | slice | Sequence[int]) -> Self:
        if not isinstance(rows, slice):
            rows = np.asarray(rows)
            if rows.size == 0 and rows.dtype != np.bool_:
                rows = rows.astype(np.int64)
            if rows.ndim != 1:
                raise ValueError(f"rows: expected a slice, a mask or a list of rows, got shape {rows.shape}")
        return replace(
            self,
            xyxy=self.xyxy[rows],
            score=self.score[rows],
            label=self.label[rows],
            parent=None if self.parent is None else self.parent[rows],
            masks=None if self.masks is None else self.masks[rows],
            keypoints=None if self.keypoints is None else self.keypoints[rows],
            columns={k: v[rows] for k, v in self.columns.items()},
        )

    def name_of(self, row: int) -> str:
        """The label of one row; "class7" where the table has none."""
        i = int(self.label[row])
        return self.names[i] if 0 <= i < len(self.names) and self.names[i] else f"class{i}"

    def equals(self, other: Detections) -> bool:
        """Same columns with the same bytes."""
        return all(_same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))


def _same(a: object, b: object) -> bool:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        mine, theirs = cast("Mapping[str, object]", a), cast("Mapping[str, object]", b)
        return mine.keys() == theirs.keys() and all(_same(mine[k], theirs[k]) for k in mine)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return bool(np.array_equal(cast("NDArray[Any]", a), cast("NDArray[Any]", b)))
    if isinstance(a, Masks) and isinstance(b, Masks):
        return len(a) == len(b) and _same(a.window, b.window) and all(map(_same, a.bits, b.bits))
    return a is b or a == b


@dataclass(frozen=True, slots=True)
class Attribute:
    """What a classifier says: `name` of the question, `label`, its class id, `score` 0..1."""

    name: str
    label: str
    score: float
    index: int = -1


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that a user's own code wants drawn: a line through `points` (x, y), or `text` at the first of them.

    points: frame pixels (model pixels while still in a head). color: red, green, blue, opacity 0..1. width_px: of the
    line. closed: the last point is joined to the first.
    """

    points: tuple[tuple[float, float], ...]
    color: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 1.0)
    width_px: float = 2.0
    text: str = ""
    closed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What one view gave: objects, and where the task has them what the model says of the view itself.

    classmap: (h, w) uint8 class ids; in a head over the whole tensor at any resolution, in frame pixels at frame size
    with 255 where the model did not look. map_names: its label table. embedding: (D,) float32 of length 1.
    marks: what a user's parser wants drawn. custom: what it says in words of its own, JSON-ready; None for nothing.
    """

    detections: Detections = field(default_factory=Detections)
    attributes: tuple[Attribute, ...] = ()
    classmap: U8 | None = None
    embedding: F32 | None = None
    text: str | None = None
    map_names: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    custom: object = None


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """What a tracker says of one frame. `id` (M,) int64 from 1, `row` (M,) rows of the Detections they were seen as.

    coasting: (K,) ids predicted without a detection in this frame, with `coasting_xyxy` (K, 4) frame pixels,
    `coasting_label` (K,), `coasting_score` (K,) the last score seen. ended: ids that will never come back.
    """

    id: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    row: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    coasting: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    coasting_xyxy: F32 = field(default_factory=_empty_boxes)
    coasting_label: I32 = field(default_factory=_empty_i32)
    coasting_score: F32 = field(default_factory=lambda: np.zeros(0, np.float32))
    ended: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `id` is derived from the facts, so publishing twice is harmless.

    kind: "line.crossed", "zone.entered", "zone.left", "zone.dwelt". rule: the name of the line or zone.
    data: JSON-ready evidence (anchor points in frame pixels, direction, times in seconds).
    """

    id: str
    kind: str
    rule: str
    stream: str
    frame: int
    at: Instant
    track: int | None = None
    label: str | None = None
    data: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Report:
    """What an analytic saw in one frame: events, counts {direction or "now": {label: n}}, columns on the tracks
    (see `FrameResult.columns`; those of several analytics are joined).
    """

    events: tuple[Event, ...] = ()
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])


@dataclass(frozen=True, slots=True, eq=False)
class Inside:
    """What a secondary stage found within the objects of stage `of`: `detections.parent` are rows of its detections."""

    of: str
    detections: Detections


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """Everything said of one frame. `counts`: {rule: {direction or "now": {label: n}}}.

    `inferred` is False for frames that no model saw (`--interval`): their objects are the tracker's predictions.
    map: where the class map was written, relative to the folder of maps; "" where none was.
    inside: objects that secondary stages found within others, a stage after the one that it looks into. What a
    secondary says of an object as a whole (attributes, embedding, text, keypoints) is a column of that object.
    columns: what analytics say of the tracks, {name: (M,) objects}, rows as in `tracks.id`; each is a tuple of names
    ("roi", "line", "direction", "crowd": the rules that hold for that object in this frame).
    """

    frame: Frame
    prediction: Prediction = field(default_factory=Prediction)
    tracks: Tracks = field(default_factory=Tracks)
    events: tuple[Event, ...] = ()
    counts: Mapping[str, Mapping[str, Mapping[str, int]]] = field(
        default_factory=dict[str, Mapping[str, Mapping[str, int]]]
    )
    inferred: bool = True
    map: str = ""
    inside: tuple[Inside, ...] = ()
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])


@dataclass(frozen=True, slots=True)
class Shape:
    """What an overlay may draw of an analytic: `points` (K, 2) float32 frame pixels; closed for zones.

    Lines have two or more points; `text` is what to write beside it (counts).
    """

    name: str
    kind: str  # "line" or "zone"
    points: tuple[tuple[float, float], ...]
    closed: bool = False
