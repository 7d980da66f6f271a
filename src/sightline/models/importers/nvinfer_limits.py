"""Thresholds and clustering of an nvinfer file -> thresholds of ours, and options of the head detectnet."""

from __future__ import annotations

from collections.abc import Sequence

from sightline.models.importers.nvinfer_settings import Limits, Settings
from sightline.models.manifest import ThresholdManifest

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
    for number in sorted(settings.own):
        own = settings.own[number]
        by_class[_label(labels, number)] = _least(own, every)
        warnings += _single(number, own, every, iou, settings)
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
        top=None if most is None else max(most, min(most * count, _MOST)),
        each=None if settings.together else most,
        per_class=by_class,
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


def _single(number: int, own: Limits, every: Limits, iou: float, settings: Settings) -> list[str]:
    """Warnings about limits that one class alone has and that hold for all here."""
    told: list[str] = []
    if own.iou is not None and settings.cluster == "nms" and abs(own.iou - iou) > 1e-9:
        told.append(f"[class-attrs-{number}] nms-iou-threshold={own.iou:g} is not that of all classes; {iou:g} is used")
    if own.most is not None and own.most != every.most:
        told.append(f"[class-attrs-{number}] topk={own.most} is not that of all classes, which is used")
    fields = [(own.eps, every.eps), (own.min_boxes, every.min_boxes), (own.min_score, every.min_score)]
    if any(mine is not None and mine != theirs for mine, theirs in fields) and settings.cluster in ("dbscan", "hybrid"):
        told.append(f"[class-attrs-{number}] has a clustering of its own; that of all classes is used")
    return told


def _label(labels: Sequence[str], number: int) -> str:
    return labels[number] if number < len(labels) and labels[number] else f"class{number}"


def _unit(value: float) -> float:
    return min(max(value, 0.0), 1.0)
