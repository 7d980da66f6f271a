"""A configuration of Gst-nvdsanalytics (key file or YAML) -> what becomes of its keys, and analytics for each stream.

The keys are those of nvdsanalytics_property_parser.cpp of NVIDIA/DeepStream and of the plugin's page. Points are pixels
of a picture of config-width x config-height; here they are fractions of the frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sightline.config import PartConfig
from sightline.errors import ConfigError
from sightline.foreign.fates import Known, Rules
from sightline.foreign.key_tables import KeyTable, numbered
from sightline.foreign.keyfile import Entry
from sightline.foreign.reasons import honoured, translated
from sightline.foreign.side_reasons import passed
from sightline.foreign.values import fault, flag, number, points, text, whole, wholes
from sightline.foreign.written import Written

__all__ = ["ANALYTICS", "GROUPS", "AnalyticsFile", "analytics_of", "is_analytics"]

ROI, CROWD, LINE, DIRECTION = (
    "roi-filtering-stream-",
    "overcrowding-stream-",
    "line-crossing-stream-",
    "direction-detection-stream-",
)
_MODES = ("strict", "balanced", "loose")


_ENABLE = translated("analytics", "0: the group counts nothing")
_CLASSES = translated("classes", "numbers become the model's labels; -1 is every label")

GROUPS: dict[str, KeyTable] = {
    "property": KeyTable(
        {
            "enable": translated("analytics", "0: nothing is counted"),
            "config-width": translated("points", "points become fractions of the frame"),
            "config-height": translated("points", "points become fractions of the frame"),
            "osd-mode": passed("drawn", "2"),
            "display-font-size": passed("drawn"),
            "display-obj-cnt": passed("drawn", "0"),
            "obj-cnt-win-in-ms": translated("objects.window_s", "milliseconds"),
        }
    ),
    ROI: KeyTable(
        {
            "enable": _ENABLE,
            "inverse-roi": honoured("roi.inverse", "1: what is outside counts"),
            "class-id": _CLASSES,
        },
        {"roi-*": translated("roi.points", "a roi of that name")},
    ),
    CROWD: KeyTable(
        {
            "enable": _ENABLE,
            "object-threshold": translated("crowd.objects"),
            "time-threshold": translated("crowd.after_s", "milliseconds"),
            "class-id": _CLASSES,
        },
        {"roi-*": translated("crowd.points", "a crowd of that name")},
    ),
    LINE: KeyTable(
        {
            "enable": _ENABLE,
            "mode": honoured("crossing.mode"),
            "extended": honoured("crossing.extended", "1: the line goes on beyond its ends"),
            "class-id": _CLASSES,
        },
        {"line-crossing-*": translated("crossing.points and crossing.toward", "the arrow comes first")},
    ),
    DIRECTION: KeyTable(
        {"enable": _ENABLE, "mode": honoured("direction.mode"), "class-id": _CLASSES},
        {"direction-*": translated("direction.toward", "the way that counts, from its first point to its second")},
    ),
}
_NAMES = ("property", *(f"{stem}0" for stem in (ROI, CROWD, LINE, DIRECTION)))


def stem_of(group: str) -> str:
    """The group's name without the number of its stream; "" for a group that the format has not."""
    if group == "property":
        return group
    return next((stem for stem in (ROI, CROWD, LINE, DIRECTION) if numbered(group, stem) is not None), "")


def _of_group(group: str) -> Mapping[str, Known] | None:
    return GROUPS.get(stem_of(group))


ANALYTICS = Rules(_of_group, _NAMES, "nvdsanalytics")


def is_analytics(written: Written) -> bool:
    """Whether a group of one of the four rules is there, or both sides of the picture that points are in."""
    if any(stem_of(group) not in ("", "property") for group in written.groups):
        return True
    return all(written.get("property", key) for key in ("config-width", "config-height"))


@dataclass(frozen=True, slots=True)
class AnalyticsFile:
    """streams: analytics by the number of the stream. everywhere: those of every stream. notes: what a user should
    know, each "file:line: ...".
    """

    streams: Mapping[int, tuple[PartConfig, ...]]
    everywhere: tuple[PartConfig, ...] = ()
    notes: tuple[str, ...] = ()


def analytics_of(
    written: Written, labels: Sequence[str] = (), muxed_wh: tuple[int, int] | None = None
) -> AnalyticsFile:
    """labels: the model's, for class-id; a class beyond them is called "class7", as results call it. muxed_wh: the
    picture in whose pixels ways are measured, that of the muxer (None: as the points).

    Raises ConfigError naming file, line and key of what is wrong.
    """
    size = _size(written)
    if size is None:
        return AnalyticsFile({})
    ruler = muxed_wh or (int(size[0]), int(size[1]))
    streams: dict[int, list[PartConfig]] = {}
    notes: list[str] = []
    for group in written.groups:
        stem = stem_of(group)
        number_of = numbered(group, stem) if stem else None
        if stem in ("", "property") or number_of is None:
            continue
        said = {e.key: e for e in written.entries if e.group == group and not e.stray}
        if "enable" not in said or not flag(said["enable"]):
            continue
        classes = _classes(said.get("class-id"), labels)
        parts = list(_parts(stem, said, size, classes, ruler, notes))
        if not parts:
            notes.append(f"{written.path}: [{group}] has no {_PATTERN[stem]}<name>: it counts nothing")
        streams.setdefault(number_of, []).extend(parts)
    named = {n: tuple(_named_apart(parts)) for n, parts in sorted(streams.items())}
    return AnalyticsFile(named, _counted(written), tuple(notes))


_PLAIN = {stem: {key for key in table if "*" not in key} for stem, table in GROUPS.items()}
_PATTERN = {ROI: "roi-", CROWD: "roi-", LINE: "line-crossing-", DIRECTION: "direction-"}
_KIND = {ROI: "roi", CROWD: "crowd", LINE: "crossing", DIRECTION: "direction"}
_POINTS = {ROI: (3, 256), CROWD: (3, 256), LINE: (4, 4), DIRECTION: (2, 2)}
_Size = tuple[float, float]


def _size(written: Written) -> _Size | None:
    """config-width x config-height; None where the whole file is switched off."""
    enabled = written.get("property", "enable")
    if enabled is not None and not flag(enabled):
        return None
    sides: list[float] = []
    for key in ("config-width", "config-height"):
        entry = written.get("property", key)
        if entry is None:
            raise ConfigError(f"{written.path}: [property] needs {key}: the size of the picture that points are in")
        side = whole(entry)
        if not 1 <= side <= 65536:
            raise fault(entry, "expected pixels, 1 to 65536")
        sides.append(float(side))
    return sides[0], sides[1]


def _classes(entry: Entry | None, labels: Sequence[str]) -> tuple[str, ...]:
    """Labels of the classes that count; () for all."""
    if entry is None:
        return ()
    numbers = wholes(entry)
    if any(number < -1 for number in numbers):
        raise fault(entry, "a class is a number from 0 on; -1 is every class")
    if -1 in numbers:
        return ()
    return tuple(labels[n] if n < len(labels) else f"class{n}" for n in dict.fromkeys(numbers))


def _parts(
    stem: str,
    said: Mapping[str, Entry],
    size: _Size,
    classes: tuple[str, ...],
    ruler: tuple[int, int],
    notes: list[str],
) -> Iterator[PartConfig]:
    shared: dict[str, object] = {"classes": list(classes)} if classes else {}
    for key, entry in said.items():
        name = key.removeprefix(_PATTERN[stem])
        if name == key or not name or key in _PLAIN[stem]:
            continue
        few, many = _POINTS[stem]
        at = _fractions(points(entry, few, many), size, entry, notes)
        options: dict[str, object] = {"name": name, "points": at}
        if stem == ROI:
            options["inverse"] = "inverse-roi" in said and flag(said["inverse-roi"])
        elif stem == CROWD:
            options |= _crowd(said)
        elif stem == LINE:
            options |= {"points": at[2:], "toward": at[:2], "mode": _mode(said, "loose", notes)}
            options["extended"] = "extended" not in said or flag(said["extended"])
            options["size_wh"] = list(ruler)
        else:
            del options["points"]
            options |= {"toward": at, "mode": _mode(said, "balanced", notes), "size_wh": list(ruler)}
        yield PartConfig(kind=_KIND[stem], **options, **shared)


def _counted(written: Written) -> tuple[PartConfig, ...]:
    """How many objects there are, where the file asks for their number over some time."""
    entry = written.get("property", "obj-cnt-win-in-ms")
    if entry is None:
        return ()
    if not 1 <= number(entry) <= 1e9:
        raise fault(entry, "expected milliseconds from 1 to 1000000000")
    options: dict[str, object] = {"window_s": number(entry) / 1000}
    return (PartConfig(kind="objects", **options),)


def _crowd(said: Mapping[str, Entry]) -> dict[str, object]:
    options: dict[str, object] = {"objects": 1, "after_s": 0.0}
    if (entry := said.get("object-threshold")) is not None:
        options["objects"] = whole(entry)
        if whole(entry) < 1:
            raise fault(entry, "expected a number of objects from 1 on")
    if (entry := said.get("time-threshold")) is not None:
        options["after_s"] = number(entry) / 1000
        if number(entry) < 0:
            raise fault(entry, "expected milliseconds from 0 on")
    return options


def _mode(said: Mapping[str, Entry], default: str, notes: list[str]) -> str:
    entry = said.get("mode")
    if entry is None:
        return default
    word = text(entry).lower()
    if word not in _MODES:
        notes.append(f"{entry.where}: mode={entry.value}: no such mode, {default} is used; known: {', '.join(_MODES)}")
        return default
    return word


def _fractions(at: Sequence[tuple[float, float]], size: _Size, entry: Entry, notes: list[str]) -> list[list[float]]:
    width, height = size
    if any(x > width or y > height for x, y in at):
        notes.append(
            f"{entry.where}: {entry.key} lies partly outside the picture of {width:.0f}x{height:.0f} that config-width"
            " and config-height name; there nothing is ever seen"
        )
    return [[round(x / width, 6), round(y / height, 6)] for x, y in at]


def _named_apart(parts: Sequence[PartConfig]) -> Iterator[PartConfig]:
    """Two rules of one stream may have one name, as a roi and a crowd; here the later one says its kind as well."""
    seen: set[str] = set()
    for part in parts:
        name = str(part.options["name"])
        if name in seen:
            name = next(n for i in range(1, 99) if (n := f"{name}-{part.kind}{'' if i == 1 else i}") not in seen)
            part = PartConfig(kind=part.kind, **(part.options | {"name": name}))
        seen.add(name)
        yield part
