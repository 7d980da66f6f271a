"""A configuration of Gst-nvdewarper -> what becomes of its keys, and the views that it makes of a bent picture.

The keys are those of nvdewarper_property_parser.h of NVIDIA/DeepStream; the projections are NvDsSurfaceType. Where both
calibration tables (CSV) are named, the surfaces are their rows, as there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sightline.config import PartConfig
from sightline.errors import ConfigError
from sightline.foreign.fates import Known, Rules
from sightline.foreign.key_tables import KeyTable, numbered
from sightline.foreign.keyfile import Entry
from sightline.foreign.reasons import translated
from sightline.foreign.side_reasons import passed
from sightline.foreign.values import fault, number, numbers, text, whole
from sightline.foreign.written import Written, read_written

__all__ = ["DEWARPER", "GROUPS", "DewarperFile", "dewarper_of", "is_dewarper", "read_dewarper"]

# NvDsSurfaceType -> our lens and the surface that the view is spread on
_TYPES: tuple[tuple[str, str], ...] = (
    ("", ""),
    ("fisheye", "pushbroom"),
    ("fisheye", "lying-cylinder"),
    ("lens", "perspective"),
    ("fisheye", "perspective"),
    ("fisheye", "fisheye"),
    ("fisheye", "cylinder"),
    ("fisheye", "panorama"),
    ("fisheye", "panini"),
    ("lens", "panorama"),
    ("lens", "panini"),
    ("panorama", "cylinder"),
    ("panorama", "panorama"),
    ("panorama", "fisheye"),
    ("panorama", "panini"),
    ("panorama", "perspective"),
    ("panorama", "pushbroom"),
    ("panorama", "stereographic"),
    ("panorama", "lying-cylinder"),
)
_SIZE = (960, 752)  # of what leaves the element where the file says nothing
_AXES = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")

GROUPS: dict[str, KeyTable] = {
    "property": KeyTable(
        {
            "output-width": translated("dewarp.output_width"),
            "output-height": translated("dewarp.output_height"),
            "aisle-calibration-file": translated("dewarp", "with the other table: a view for each of its rows"),
            "spot-calibration-file": translated("dewarp", "with the other table: a view for each of its rows"),
            "num-batch-buffers": passed("batch"),
            "cuda-memory-type": passed("memory"),
            "dewarp-dump-frames": passed("raw", "0"),
        }
    ),
    "surface": KeyTable(
        {
            "projection-type": translated("dewarp.kind and dewarp.to"),
            "width": translated("dewarp.width"),
            "height": translated("dewarp.height"),
            "top-angle": translated("dewarp.top_deg"),
            "bottom-angle": translated("dewarp.bottom_deg"),
            "pitch": translated("dewarp.pitch_deg"),
            "yaw": translated("dewarp.yaw_deg"),
            "roll": translated("dewarp.roll_deg"),
            "rot-axes": translated("dewarp.axes"),
            "rot-matrix": translated("dewarp.rotation", "columns become rows"),
            "focal-length": translated("dewarp.focal_px"),
            "src-fov": translated("dewarp.fov_deg", "where there is no focal-length"),
            "src-x0": translated("dewarp.centre_x_px"),
            "src-y0": translated("dewarp.centre_y_px"),
            "distortion": translated("dewarp.distortion"),
            "control": translated("dewarp.control"),
            "cuda-address-mode": translated("dewarp.outside", "0: its nearest pixel, 1: black"),
            "dst-focal-length": translated("dewarp.target_focal_px"),
            "dst-principal-point": translated("dewarp.target_centre_px"),
            "surface-index": passed("unnamed"),
        }
    ),
}


def _of_group(group: str) -> Mapping[str, Known] | None:
    return (
        GROUPS["surface"]
        if numbered(group, "surface") is not None
        else GROUPS["property"]
        if group == "property"
        else None
    )


DEWARPER = Rules(_of_group, ("property", "surface0"), "nvdewarper")


def is_dewarper(written: Written) -> bool:
    """Whether it has a surface, or names the tables that have them."""
    if any(numbered(group, "surface") is not None for group in written.groups):
        return True
    return any(written.get("property", key) for key in ("aisle-calibration-file", "spot-calibration-file"))


@dataclass(frozen=True, slots=True)
class DewarperFile:
    """views: one of the kind "dewarp" for each surface, in order; each is a stream of its own. notes: what to know."""

    views: tuple[PartConfig, ...]
    notes: tuple[str, ...] = ()


def read_dewarper(path: Path, source: int = 0) -> DewarperFile:
    """As `dewarper_of`, with the tables that the file names, where it says that they lie. Raises ModelError too."""
    written = read_written(path)
    return dewarper_of(written, _table(written, "aisle"), _table(written, "spot"), source)


def _table(written: Written, name: str) -> Written | None:
    entry = written.get("property", f"{name}-calibration-file")
    if entry is None:
        return None
    path = written.path.parent / text(entry)
    return read_written(path) if path.is_file() else None


def dewarper_of(
    written: Written, aisles: Written | None = None, spots: Written | None = None, source: int = 0
) -> DewarperFile:
    """aisles, spots: the calibration tables that the file names, where they were found. source: whose rows of these.

    Raises ConfigError naming file, line and key of what is wrong.
    """
    output = _output(written)
    named = [written.get("property", f"{name}-calibration-file") for name in ("aisle", "spot")]
    notes: list[str] = []
    if all(named):
        if aisles is not None and spots is not None:
            return _of_tables(written, aisles, spots, source, output)
        lost = named[0] if aisles is None else named[1]
        if lost is not None:
            notes.append(f"{lost.where}: {lost.key} {lost.value} is missing; the surfaces of this file are used")
    views: list[PartConfig] = []
    for group in written.groups:
        if numbered(group, "surface") is None:
            continue
        said = {e.key: e for e in written.entries if e.group == group and not e.stray}
        if "projection-type" not in said:
            raise ConfigError(f"{written.path}: [{group}] needs projection-type, 1 to {len(_TYPES) - 1}")
        kind, to = _TYPES[_type(said["projection-type"])]
        views.append(PartConfig(kind=kind, **({"to": to} | output | _lens(said) | _view(said, notes))))
    if not views:
        raise ConfigError(f"{written.path}: no [surface0]: there is nothing to make of the picture")
    return DewarperFile(tuple(views), tuple(notes))


def _type(entry: Entry) -> int:
    value = whole(entry)
    if not 1 <= value < len(_TYPES):
        raise fault(entry, f"no projection; known: 1 to {len(_TYPES) - 1}, the numbers of NvDsSurfaceType")
    return value


def _output(written: Written) -> dict[str, object]:
    sides: list[int] = []
    for key, default in zip(("output-width", "output-height"), _SIZE, strict=True):
        entry = written.get("property", key)
        sides.append(default if entry is None else whole(entry))
        if entry is not None and not 0 < sides[-1] <= 16384:
            raise fault(entry, "expected pixels, 1 to 16384")
    return {"output_width": sides[0], "output_height": sides[1]}


def _lens(said: Mapping[str, Entry]) -> dict[str, object]:
    """What the camera is. DeepStream takes 0 for what is not given."""
    found: dict[str, object] = {}
    focal = _pair(said, "focal-length")
    if focal is not None:
        found["focal_px"] = focal
    elif "src-fov" in said and number(said["src-fov"]) > 0:
        found["fov_deg"] = number(said["src-fov"])
    for key, name in (("src-x0", "centre_x_px"), ("src-y0", "centre_y_px")):
        if key in said and number(said[key]) != 0:
            found[name] = number(said[key])
    if "distortion" in said and any(values := numbers(said["distortion"])):
        if len(values) > 5:
            raise fault(said["distortion"], f"expected at most 5 numbers, got {len(values)}")
        found["distortion"] = _without_zeros(values)
    return found


def _view(said: Mapping[str, Entry], notes: list[str]) -> dict[str, object]:
    """What is shown of it."""
    found: dict[str, object] = {}
    for key in ("width", "height"):
        if key in said:
            found[key] = whole(said[key])
            if not 0 <= whole(said[key]) <= 16384:
                raise fault(said[key], "expected pixels, 0 to 16384")
    top, bottom = (number(said[key]) if key in said else 0.0 for key in ("top-angle", "bottom-angle"))
    if top or bottom:
        found |= {"top_deg": top, "bottom_deg": bottom}
    for key in ("pitch", "yaw", "roll"):
        if key in said and number(said[key]):
            found[f"{key}_deg"] = number(said[key])
    if "rot-axes" in said:
        word = text(said["rot-axes"]).upper()
        if word in _AXES:
            found["axes"] = word
        else:
            notes.append(f"{said['rot-axes'].where}: rot-axes={word}: no order of X, Y and Z; YXZ is used, as there")
    if "rot-matrix" in said:
        values = numbers(said["rot-matrix"])
        if len(values) == 9:
            found["rotation"] = [values[3 * column + row] for row in range(3) for column in range(3)]
        else:
            notes.append(
                f"{said['rot-matrix'].where}: rot-matrix has {len(values)} numbers, not 9; passed over, as there"
            )
    if "control" in said:
        found["control"] = number(said["control"])
    if "cuda-address-mode" in said and whole(said["cuda-address-mode"]) == 1:
        found["outside"] = "black"
    else:
        found["outside"] = "repeat"
    if (focal := _pair(said, "dst-focal-length")) is not None:
        found["target_focal_px"] = focal
    if "dst-principal-point" in said:
        values = numbers(said["dst-principal-point"])
        if len(values) != 2:
            raise fault(said["dst-principal-point"], f"expected x;y, got {len(values)} numbers")
        if any(values):
            found["target_centre_px"] = list(values)
    return found


def _pair(said: Mapping[str, Entry], key: str) -> float | list[float] | None:
    """One number for both axes, or one each; None where the first is 0 or none is given."""
    values = numbers(said[key])[:2] if key in said else ()
    if not values or values[0] == 0:
        return None
    return values[0] if len(values) == 1 or values[1] in (0, values[0]) else list(values)


def _without_zeros(values: Sequence[float]) -> list[float]:
    kept = list(values)
    while kept and kept[-1] == 0:
        kept.pop()
    return kept


_COLUMNS = {
    "dewarpTopAngle": "top_deg",
    "dewarpBottomAngle": "bottom_deg",
    "dewarpPitch": "pitch_deg",
    "dewarpYaw": "yaw_deg",
    "dewarpRoll": "roll_deg",
    "dewarpFocalLength": "focal_px",
    "dewarpWidth": "width",
    "dewarpHeight": "height",
}


def _of_tables(
    written: Written, aisles: Written, spots: Written, source: int, output: Mapping[str, object]
) -> DewarperFile:
    views: list[PartConfig] = []
    for table, to in ((spots, "pushbroom"), (aisles, "lying-cylinder")):
        views += [PartConfig(kind="fisheye", **({"to": to} | dict(output) | row)) for row in _rows(table, source)]
    if not views:
        raise ConfigError(f"{written.path}: neither table has a row for source {source}")
    return DewarperFile(tuple(views))


def _rows(table: Written, source: int) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    seen: set[tuple[object, ...]] = set()
    for group in table.groups:
        cells = {e.key: e for e in table.entries if e.group == group and not e.stray}
        first = next(iter(cells.values()), None)
        if first is None or numbered(group, "row") is None or whole(first) != source:
            continue
        view: dict[str, object] = {"outside": "repeat"}
        for key, name in _COLUMNS.items():
            if key not in cells:
                raise ConfigError(f"{first.where}: no column {key}: which view is it?")
            view[name] = whole(cells[key]) if name in ("width", "height") else number(cells[key])
        # a table of spots has a row for every spot of a view
        if tuple(view.values()) not in seen:
            seen.add(tuple(view.values()))
            found.append(view)
    return found
