"""Thresholds and clustering of an nvinfer file -> thresholds of ours, and options of the head detectnet."""

from __future__ import annotations

from collections.abc import Sequence

from sightline.models.importers.nvinfer_settings import Limits, Settings
from sightline.models.manifest import BoundsManifest, ThresholdManifest

__all__ = ["clustering", "thresholds"]

# DeepStream's own, where the file is silent
_BEFORE, _IOU = 0.2, 0.3
_GROUPED_IOU, _GROUPED_MOST = 0.5, 20  # of cluster-mode 0, now that OpenCV is gone from it
_MOST = 3000  # objects of a picture
_NEVER = 2.0  # a threshold that no score reaches


def thresholds(settings: Settings, labels: Sequence[str]) -> tuple[ThresholdManifest, list[str]]:
    """Limits by class, the labels by class id; and warnings of what has no like here."""
    if settings.task == "semantic":
        least = settings.map_least
        return ThresholdManifest(score=None if not least else _unit(least)), []
    if settings.task not in ("detect", "segment"):
        return ThresholdManifest(), []
    every, warnings = settings.every, []
    least = _least(every, None)
    iou, most = _suppression(settings)
    by_class: dict[str, float] = {}
    ious, mosts = _own_suppression(settings, labels, iou, most)
    for number in sorted(settings.own):
        own = settings.own[number]
        by_class[_label(labels, number)] = _least(own, every)
        warnings += _single(number, own, every, settings)
    if least > 1:  # written to leave out all classes but those that have a group of their own
        for number in range(max(len(labels), settings.classes or 0)):
            by_class.setdefault(_label(labels, number), least)
    by_class |= {_label(labels, number): _NEVER for number in settings.filtered}
    if most == 0:
        warnings.append("topk=0 would leave nothing; it is passed over")
        most = None
    count = 1 if settings.together else max(settings.classes or 1, 1)
    made = ThresholdManifest(
        score=_unit(least),
        nms=iou,
        top=None if most is None else max(most, *mosts.values(), min(most * count, _MOST)),
        each=None if settings.together else most,
        per_class=by_class,
        nms_of=ious,
        each_of=mosts,
        bounds=_bounds(settings, labels),
    )
    return made, warnings


def clustering(settings: Settings) -> tuple[dict[str, object], list[str]]:
    """Options of the head detectnet."""
    every = settings.every
    told: dict[str, object] = {"cluster": settings.cluster}
    if settings.cluster == "group-rectangles":
        if not every.group:
            note = (
                f"cluster-mode 0 (group-rectangles) without a group-threshold suppresses by overlap, IoU "
                f"{_GROUPED_IOU:g}, the {_GROUPED_MOST} best of a class, as DeepStream does now"
            )
            return {"cluster": "nms"}, [note] if settings.grouped else []
        told["min_boxes"] = every.group
        told["eps"] = every.eps or 0.0
    if settings.cluster in ("dbscan", "hybrid"):
        told["eps"] = every.eps or 0.0
        told["min_boxes"] = every.min_boxes or 0
        told["min_score"] = every.min_score or 0.0
    return told, []


def _suppression(settings: Settings) -> tuple[float, int | None]:
    """(overlap above which the weaker goes, most objects of a class)."""
    every = settings.every
    most = None if every.most is None or every.most < 0 else every.most
    if settings.cluster == "none":
        return 1.0, most
    if settings.cluster == "group-rectangles" and not every.group:
        return _GROUPED_IOU, _GROUPED_MOST
    return (_IOU if every.iou is None else max(0.0, every.iou)), most


def _least(own: Limits, every: Limits | None) -> float:
    """The higher one of the scores demanded before and after boxes are brought together."""
    wider = every or Limits()
    before = own.before if own.before is not None else wider.before
    after = own.after if own.after is not None else wider.after
    return max(_BEFORE if before is None else before, after or 0.0, 0.0)


def _own_suppression(
    settings: Settings, labels: Sequence[str], iou: float, most: int | None
) -> tuple[dict[str, float], dict[str, int]]:
    """By label what single classes have in place of (overlap above which the weaker goes, most objects)."""
    ious: dict[str, float] = {}
    mosts: dict[str, int] = {}
    if settings.cluster not in ("nms", "hybrid", "none") or settings.together:
        return ious, mosts
    for number, own in sorted(settings.own.items()):
        label = _label(labels, number)
        if own.iou is not None and settings.cluster != "none" and abs(own.iou - iou) > 1e-9:
            ious[label] = min(max(own.iou, 0.0), 1.0)
        if own.most is not None and own.most != most and own.most != 0:
            mosts[label] = own.most if own.most > 0 else _MOST
    return ious, mosts


def _bounds(settings: Settings, labels: Sequence[str]) -> dict[str, BoundsManifest]:
    """Which boxes are told, by label; "" for those that have no group of their own."""
    every = _bound(settings.every, Limits(), settings.cut)
    found = {} if every == BoundsManifest() else {"": every}
    for number, own in sorted(settings.own.items()):
        made = _bound(own, Limits() if settings.apart else settings.every, settings.cut)
        if made != every:
            found[_label(labels, number)] = made
    return found


def _bound(own: Limits, every: Limits, cut: bool) -> BoundsManifest:
    def first(mine: float | None, wider: float | None) -> float:
        return mine if mine is not None else wider or 0.0

    top, bottom = first(own.top, every.top), first(own.bottom, every.bottom)
    return BoundsManifest(
        least_wh=(first(own.least_w, every.least_w), first(own.least_h, every.least_h)),
        most_wh=(first(own.most_w, every.most_w), first(own.most_h, every.most_h)),
        top_px=top,
        bottom_px=bottom,
        cut=cut and bool(top or bottom),
    )


def _single(number: int, own: Limits, every: Limits, settings: Settings) -> list[str]:
    """Warnings about limits that one class alone has and that hold for all here."""
    told: list[str] = []
    fields = [(own.eps, every.eps), (own.min_boxes, every.min_boxes), (own.min_score, every.min_score)]
    if any(mine is not None and mine != theirs for mine, theirs in fields) and settings.cluster in ("dbscan", "hybrid"):
        told.append(f"[class-attrs-{number}] has a clustering of its own; that of all classes is used")
    return told


def _label(labels: Sequence[str], number: int) -> str:
    return labels[number] if number < len(labels) and labels[number] else f"class{number}"


def _unit(value: float) -> float:
    return min(max(value, 0.0), 1.0)
