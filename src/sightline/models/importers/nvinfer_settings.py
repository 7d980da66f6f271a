"""What an nvinfer file asks for, its defaults filled in: the same record for key files and nvinferserver's prototxt.

Defaults are those of NVIDIA/DeepStream, gst-nvinfer, gstnvinfer_property_parser.h.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from sightline.errors import ModelError
from sightline.foreign.keyfile import Entry, KeyFile
from sightline.foreign.nvinfer_keys import class_of_group
from sightline.types import ChannelOrder

__all__ = ["COLORS", "WIDEST", "Cluster", "Limits", "Named", "Settings", "Task", "settings_of"]

Task = Literal["detect", "classify", "semantic", "segment", "other"]
Cluster = Literal["group-rectangles", "dbscan", "nms", "hybrid", "none"]
COLORS = (ChannelOrder.RGB, ChannelOrder.BGR, ChannelOrder.GREY)

_TASKS: dict[int, Task] = {0: "detect", 1: "classify", 2: "semantic", 3: "segment", 100: "other"}
_CLUSTERS: tuple[Cluster, ...] = ("group-rectangles", "dbscan", "nms", "hybrid", "none")
_FUNCTIONS = (
    "parse-bbox-instance-mask-func-name",
    "parse-bbox-func-name",
    "parse-classifier-func-name",
    "parse-segmentation-func-name",
)
_BOUNDS = {
    "detected-min-w": "least_w",
    "detected-min-h": "least_h",
    "detected-max-w": "most_w",
    "detected-max-h": "most_h",
    "roi-top-offset": "top",
    "roi-bottom-offset": "bottom",
}
WIDEST = 1 << 20  # pixels
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


@dataclass(frozen=True, slots=True)
class Named:
    """A word of the file, mostly a path or a function. where: "file:line: key"."""

    text: str
    where: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Of all classes or of one; None: not said. before, after: least scores before and after boxes are brought
    together. most: objects of one class, -1 all. least_w to bottom: bounds of boxes in pixels of the frame, 0 none.
    The others are options of clustering.
    """

    before: float | None = None
    after: float | None = None
    iou: float | None = None
    most: int | None = None
    eps: float | None = None
    min_boxes: int | None = None
    group: int | None = None
    min_score: float | None = None
    least_w: float | None = None
    least_h: float | None = None
    most_w: float | None = None
    most_h: float | None = None
    top: float | None = None
    bottom: float | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """gain, offsets: tensor = gain * (pixel - offsets). dims: channels, height, width. nhwc: None where not said.

    classes: None where not said. every: limits of all classes; own: of single ones; together: `most` is that of all
    classes together. grouped: the file itself asks for group-rectangles. filtered: classes never told.
    apart: bounds of a class replace those of all, and are not laid over them. cut: boxes are cut at the margins of
    the frame that are left out. question: what a classifier's answer is called. function: the parse function.
    outputs: names of tensors.
    """

    task: Task = "detect"
    color: ChannelOrder | None = ChannelOrder.RGB
    gain: float = 1.0
    offsets: tuple[float, ...] = ()
    mean_file: Named | None = None
    dims: tuple[int, int, int] | None = None
    nhwc: bool | None = None
    keep_ratio: bool = False
    centred: bool = False
    classes: int | None = None
    labels: Named | None = None
    outputs: tuple[str, ...] = ()
    cluster: Cluster = "group-rectangles"
    grouped: bool = False
    every: Limits = Limits()
    own: dict[int, Limits] = field(default_factory=dict[int, Limits])
    together: bool = False
    filtered: tuple[int, ...] = ()
    apart: bool = False
    cut: bool = False
    answer_least: float | None = None
    question: str = ""
    map_least: float | None = None
    map_last: bool | None = None
    function: Named | None = None


def settings_of(file: KeyFile) -> Settings:
    """Raises ModelError naming file, line and key for a value that is no number, or outside what DeepStream takes."""
    said = _Reader(file, "property")
    color = said.whole("model-color-format", 0)
    gain = said.number("net-scale-factor", 1.0)
    if gain == 0:
        raise said.fault("net-scale-factor", "would make every pixel 0")
    legacy = 0 if said.flag("enable-dbscan", False) is False else 1
    classes = said.whole("num-detected-classes", -1)
    dims, order = _dims(said)
    nhwc = said.whole("network-input-order", said.whole("uff-input-order", order))
    return Settings(
        task=_task(said),
        color=_choice(said, "model-color-format", COLORS, color),
        gain=gain,
        offsets=said.numbers("offsets"),
        mean_file=said.named("mean-file"),
        dims=dims,
        nhwc=None if nhwc not in (0, 1) else nhwc == 1,
        keep_ratio=said.flag("maintain-aspect-ratio", False),
        centred=said.flag("symmetric-padding", False),
        classes=classes if classes >= 0 else None,
        labels=said.named("labelfile-path"),
        outputs=said.words("output-blob-names"),
        cluster=_choice(said, "cluster-mode", _CLUSTERS, said.whole("cluster-mode", legacy)),
        grouped=said.get("cluster-mode") is not None and said.whole("cluster-mode", 0) == 0,
        every=_limits(_Reader(file, "class-attrs-all")),
        own=_own(file),
        filtered=tuple(int(n) for n in said.numbers("filter-out-class-ids") if n >= 0),
        cut=said.flag("crop-objects-to-roi-boundary", False),
        answer_least=said.optional("classifier-threshold"),
        question=said.text("classifier-type"),
        map_least=said.optional("segmentation-threshold"),
        map_last=None if said.get("segmentation-output-order") is None else said.flag("segmentation-output-order", 0),
        function=next((name for key in _FUNCTIONS if (name := said.named(key)) is not None), None),
    )


def _task(said: _Reader) -> Task:
    kind = said.whole("network-type", 1 if said.flag("is-classifier", False) else 0)
    if kind not in _TASKS:
        raise said.fault("network-type", f"is one of {', '.join(map(str, _TASKS))}")
    return _TASKS[kind]


_Choice = TypeVar("_Choice")


def _choice(said: _Reader, key: str, choices: tuple[_Choice, ...], number: int) -> _Choice:
    if not 0 <= number < len(choices):
        raise said.fault(key, f"is 0 to {len(choices) - 1}")
    return choices[number]


def _dims(said: _Reader) -> tuple[tuple[int, int, int] | None, int]:
    """((channels, height, width), order): the older keys have the order of the axes as their fourth number."""
    for key in ("infer-dims", "uff-input-dims", "input-dims"):
        numbers = said.numbers(key)
        if not numbers:
            continue
        if len(numbers) < 3 or any(n != int(n) or not 0 < n < 1 << 16 for n in numbers[:3]):
            raise said.fault(key, "should hold channels;height;width")
        c, h, w = (int(n) for n in numbers[:3])
        order = int(numbers[3]) if len(numbers) > 3 and numbers[3] in (0, 1) else -1
        return (c, h, w), order
    return None, -1


def _own(file: KeyFile) -> dict[int, Limits]:
    found: dict[int, Limits] = {}
    for group in file.groups:
        number = class_of_group(group)
        if number is not None:
            found[number] = _limits(_Reader(file, group))
    return found


def _limits(said: _Reader) -> Limits:
    most = said.optional("topk")
    made = Limits(
        before=said.optional("pre-cluster-threshold", said.optional("threshold")),
        after=said.optional("post-cluster-threshold"),
        iou=said.optional("nms-iou-threshold"),
        most=None if most is None else int(most),
        eps=said.optional("eps"),
        min_score=said.optional("dbscan-min-score"),
    )
    if made.iou is not None and made.iou > 1:
        raise said.fault("nms-iou-threshold", "is 0 to 1")
    for key, name in (("minBoxes", "min_boxes"), ("group-threshold", "group")):
        number = said.optional(key)
        if number is not None:
            made = replace(made, **{name: int(number)})
    for key, name in _BOUNDS.items():
        number = said.optional(key)
        if number is not None and not 0 <= number <= WIDEST:
            raise said.fault(key, f"is a number of pixels, 0 to {WIDEST}")
        made = replace(made, **{name: number})
    return made


@dataclass(frozen=True, slots=True)
class _Reader:
    """Values of one group by key."""

    file: KeyFile
    group: str

    def get(self, key: str) -> Entry | None:
        entry = self.file.get(self.group, key)
        return None if entry is None or not entry.value else entry

    def fault(self, key: str, why: str) -> ModelError:
        entry = self.get(key)
        if entry is None:
            return ModelError(f"{self.file.path}: [{self.group}] {key} {why}")
        return ModelError(f"{entry.where}: {key}={entry.value[:60]}: {key} {why}")

    def text(self, key: str) -> str:
        entry = self.get(key)
        return "" if entry is None else entry.value

    def named(self, key: str) -> Named | None:
        entry = self.get(key)
        return None if entry is None else Named(entry.value, f"{entry.where}: {key}")

    def words(self, key: str) -> tuple[str, ...]:
        return tuple(word.strip() for word in self.text(key).split(";") if word.strip())

    def numbers(self, key: str) -> tuple[float, ...]:
        found: list[float] = []
        for word in self.text(key).replace(",", ";").split(";"):
            if not word.strip():
                continue
            number = _number(word)
            if number is None:
                raise self.fault(key, f"should hold numbers, not {word.strip()[:40]!r}")
            found.append(number)
        return tuple(found)

    def number(self, key: str, default: float) -> float:
        found = self.optional(key)
        return default if found is None else found

    def optional(self, key: str, default: float | None = None) -> float | None:
        """A number; no limit is below 0 but topk's, where it means all."""
        entry = self.get(key)
        if entry is None:
            return default
        number = _number(entry.value)
        if number is None:
            raise self.fault(key, "should be a number")
        return number

    def whole(self, key: str, default: int) -> int:
        number = self.number(key, default)
        if number != int(number):
            raise self.fault(key, "should be a whole number")
        return int(number)

    def flag(self, key: str, default: bool | int) -> bool:
        word = self.text(key).lower()
        if word in _TRUE:
            return True
        if self.get(key) is None:
            return bool(default)
        if word not in _FALSE:
            raise self.fault(key, "should be 0 or 1")
        return False


def _number(word: str) -> float | None:
    """A finite number as C writes it."""
    try:
        number = float(word.strip().rstrip("fF;"))
    except ValueError:
        return None
    return number if abs(number) < 1e30 else None
