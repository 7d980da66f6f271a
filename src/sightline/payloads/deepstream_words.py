"""DeepStream's own words for objects: kinds of things, what is said of them, joints of a body."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sightline.payloads.seen import Seen
from sightline.types import F32

__all__ = ["FIELDS", "SPOKEN", "UNTRACKED", "Fields", "check_types", "fields_of", "joints_of", "whole"]

UNTRACKED = 2**64 - 1  # what stands for "has no track" in an unsigned 64 bit id

Fields = Mapping[str, str]

# kind -> what may be said of it, in the order of the full message
FIELDS: Mapping[str, tuple[str, ...]] = {
    "vehicle": ("type", "make", "model", "color", "region", "license"),
    "person": ("age", "gender", "hair", "cap", "apparel"),
    "face": ("age", "gender", "hair", "cap", "glasses", "facialhair", "name", "eyecolor"),
    "product": ("brand", "type", "shape"),
}
# kind -> the word that the minimal message has instead of the label
SPOKEN: Mapping[str, str] = {
    "vehicle": "Vehicle",
    "person": "Person",
    "face": "Face",
    "product": "Product",
    "bag": "Bag",
    "bicycle": "Bicycle",
    "roadsign": "RoadSign",
}
# other words for a field, without anything but letters
_ALSO: Mapping[str, tuple[str, ...]] = {
    "color": ("colour",),
    "region": ("licensestate", "state"),
    "license": ("licence", "plate", "licenseplate", "licenceplate", "platenumber"),
    "gender": ("sex",),
    "facialhair": ("beard",),
    "cap": ("hat",),
    "apparel": ("clothes", "clothing"),
}

# the 18 joints of a body, in the order that such models have them
_BODY_18 = (
    *("nose", "neck", "right-shoulder", "right-elbow", "right-hand", "left-shoulder", "left-elbow", "left-hand"),
    *("right-hip", "right-knee", "right-foot", "left-hip", "left-knee", "left-foot"),
    *("right-eye", "left-eye", "right-ear", "left-ear"),
)
# where each of them is among COCO's 17 points; -1: the neck, halfway between the shoulders
_FROM_COCO_17 = (0, -1, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
_SHOULDERS = (5, 6)


def check_types(types: Mapping[str, str]) -> None:
    """Raise ValueError where a label stands for a kind that DeepStream has no word for."""
    for label, kind in types.items():
        if kind not in SPOKEN:
            raise ValueError(f"types: {label}: DeepStream knows {', '.join(SPOKEN)}, not {kind!r}")


def fields_of(one: Seen, kind: str) -> Fields:
    """What the attributes of an object say in the fields of its kind: an attribute whose name is the field's, or ends
    in it ("car color", "vehicletype"); a text that was read is a vehicle's licence plate.
    """
    words = {word: name for name in FIELDS.get(kind, ()) for word in (name, *_ALSO.get(name, ()))}
    said: dict[str, str] = {}
    for attribute in one.attributes:
        asked = re.sub(r"[^a-z]", "", attribute.name.lower())
        meant = max((word for word in words if asked.endswith(word)), key=len, default=None)  # facialhair is not hair
        if meant is not None:
            said.setdefault(words[meant], attribute.label)
    if kind == "vehicle" and one.text is not None:
        said.setdefault("license", one.text)
    return said


def whole(text: str) -> int:
    """The whole number that a text begins with ("25-30" is 25), 0 where it begins with none."""
    found = re.match(r"\s*\d{1,9}", text)
    return int(found.group()) if found else 0


def joints_of(keypoints: F32 | None) -> list[tuple[str, float, float, float]]:
    """Keypoints (K, 3) -> name, x, y, confidence of 18 joints; [] for other counts than COCO's 17 and those 18."""
    if keypoints is None or len(keypoints) not in (17, 18):
        return []
    points: Sequence[Sequence[float]] = keypoints.tolist()
    if len(keypoints) == 17:
        left, right = (points[i] for i in _SHOULDERS)
        neck = ((left[0] + right[0]) / 2, (left[1] + right[1]) / 2, min(left[2], right[2]))
        points = [points[i] if i >= 0 else neck for i in _FROM_COCO_17]
    return [(name, x, y, score) for name, (x, y, score) in zip(_BODY_18, points, strict=True)]
