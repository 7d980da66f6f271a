"""nvmsgconv's description of sensors, places and analytics modules (key file, YAML or CSV) -> records by their number.

Form: NVIDIA/DeepStream, nvmsgconv/deepstream_schema. [sensor0], [place0] and [analytics0] belong to the first stream;
a CSV has a row for each stream, after one of headings, and its first column is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sightline.errors import ConfigError
from sightline.foreign.fates import Known, Rules
from sightline.foreign.key_tables import KeyTable, numbered
from sightline.foreign.keyfile import Entry
from sightline.foreign.reasons import honoured, translated
from sightline.foreign.side_reasons import passed
from sightline.foreign.values import fault, flag, numbers, text
from sightline.foreign.written import Written

__all__ = ["GROUPS", "MSGCONV", "ROW", "Described", "described_of", "is_msgconv"]

_SHARED = {"enable": translated("payload.sensors", "0: the group says nothing")}
_LIDAR = passed("lidar")

GROUPS: dict[str, KeyTable] = {
    "sensor": KeyTable(
        {
            **_SHARED,
            "id": honoured("payload.sensors.id", "sensorId of the messages"),
            "type": honoured("payload.sensors.type"),
            "description": honoured("payload.sensors.description"),
            "location": honoured("payload.sensors.location", "latitude;longitude;altitude"),
            "coordinate": honoured("payload.sensors.coordinate", "x;y;z"),
        }
    ),
    "place": KeyTable(
        {
            **_SHARED,
            "id": honoured("payload.places.id"),
            "type": honoured("payload.places.type"),
            "name": honoured("payload.places.name"),
            "location": honoured("payload.places.location", "latitude;longitude;altitude"),
            "coordinate": honoured("payload.places.coordinate", "x;y;z"),
            "place-sub-field1": honoured("payload.places.fields", "id of the aisle, spot or entrance"),
            "place-sub-field2": honoured("payload.places.fields", "its name"),
            "place-sub-field3": honoured("payload.places.fields", "its level"),
            "lane": passed("as-there"),
            "level": passed("as-there"),
        }
    ),
    "analytics": KeyTable(
        {
            **_SHARED,
            "id": honoured("payload.analytics.id"),
            "description": honoured("payload.analytics.description"),
            "source": honoured("payload.analytics.source"),
            "version": honoured("payload.analytics.version"),
        }
    ),
    "ds3d::datamap": KeyTable(
        dict.fromkeys(
            (
                "2d_objects_key",
                "3d_objects_key",
                "fused_detection_key",
                "lidar_data_key",
                "lidar_element_size",
                "lidar_element_max_points",
            ),
            _LIDAR,
        )
    ),
}

_OF_ROW: dict[str, Known] = {
    "cameraId": passed("as-there"),
    "sensorId": honoured("payload.sensors.id"),
    "camDesc": honoured("payload.sensors.description"),
    "cameraIDString": passed("as-there"),
    "aisleId": honoured("payload.places.fields"),
    "aisleName": honoured("payload.places.fields"),
    "level": honoured("payload.places.fields"),
}
_OF_ROW["serial"] = _OF_ROW["cameraId"]
_BENT = translated("dewarp", "where a dewarper's configuration names this file")
ROW = KeyTable(_OF_ROW, {"dewarp*": _BENT, "*": passed("as-there")})
_COLUMNS = 7


def stem_of(group: str) -> str:
    """The group's name without its number; "" for a group that the format has not."""
    if group in GROUPS and group.startswith("ds3d"):
        return group
    return next((stem for stem in ("sensor", "place", "analytics") if numbered(group, stem) is not None), "")


def _of_group(group: str) -> Mapping[str, Known] | None:
    return ROW if numbered(group, "row") is not None else GROUPS.get(stem_of(group))


MSGCONV = Rules(_of_group, ("sensor0", "place0", "analytics0", "ds3d::datamap"), "nvmsgconv")


def is_msgconv(written: Written) -> bool:
    """Whether it has a group of a sensor or a place, or columns that say as much."""
    if written.form == "csv":
        return any(e.key == "sensorId" for e in written.entries)
    stems = [stem_of(group) for group in written.groups]
    return bool(stems) and any(stem != "" for stem in stems) and stems.count("") * 2 < len(stems)


Record = dict[str, object]


@dataclass(frozen=True, slots=True)
class Described:
    """Records by the number of the stream, as text: what a payload's options of the same names take."""

    sensors: Mapping[str, Record] = field(default_factory=dict[str, Record])
    places: Mapping[str, Record] = field(default_factory=dict[str, Record])
    analytics: Mapping[str, Record] = field(default_factory=dict[str, Record])

    def options(self) -> dict[str, dict[str, object]]:
        """The three, those without a record left out."""
        named = (("sensors", self.sensors), ("places", self.places), ("analytics", self.analytics))
        return {name: dict(records) for name, records in named if records}


def described_of(written: Written) -> Described:
    """Raises ConfigError naming file, line and key of what is wrong."""
    if written.form == "csv":
        return _of_rows(written)
    found: dict[str, dict[str, Record]] = {"sensor": {}, "place": {}, "analytics": {}}
    for group in written.groups:
        stem = stem_of(group)
        number = numbered(group, stem) if stem else None
        if number is None or stem not in found:
            continue
        said = {e.key: e for e in written.entries if e.group == group and not e.stray}
        if "enable" in said and flag(said["enable"]):
            found[stem][str(number)] = _record(said, stem, written)
    return Described(found["sensor"], found["place"], found["analytics"])


_SUBS = tuple(f"place-sub-field{i}" for i in (1, 2, 3))


def _record(said: Mapping[str, Entry], stem: str, written: Written) -> Record:
    """The group's values under our names. Quotes are part of a value in a key file, as there."""
    found: Record = {}
    for key, entry in said.items():
        if key in _SUBS or key == "enable" or GROUPS[stem].get(key, _UNKNOWN).status != "honoured":
            continue
        if key not in ("location", "coordinate"):
            found[key] = _word(entry, written)
            continue
        values = numbers(entry)
        if len(values) != 3:
            raise fault(entry, f"expected three numbers with semicolons between them, got {len(values)}")
        found[key] = list(values)
    if any(key in said for key in _SUBS) and stem == "place":
        found["fields"] = [_word(said[key], written) if key in said else "" for key in _SUBS]
    return found


_UNKNOWN = Known("unknown")


def _word(entry: Entry, written: Written) -> str:
    return entry.value if written.form == "keys" else text(entry)


def _of_rows(written: Written) -> Described:
    sensors: dict[str, Record] = {}
    places: dict[str, Record] = {}
    modules: dict[str, Record] = {}
    rows = [group for group in written.groups if numbered(group, "row") is not None]
    for index, group in enumerate(rows):
        cells = [e.value if not e.stray else e.key for e in written.entries if e.group == group]
        if len(cells) < _COLUMNS:
            line = next(e.line for e in written.entries if e.group == group)
            raise ConfigError(f"{written.path}:{line}: {len(cells)} columns; a sensor's row has at least {_COLUMNS}")
        sensors[str(index)] = {"id": cells[1], "type": "Camera", "description": cells[2]}
        # what nvmsgconv itself has written down in its program for every row
        places[str(index)] = {"id": "Id", "type": "building/garage", "name": "endeavor", "fields": cells[4:7]}
        modules[str(index)] = {"version": "1.0"}
    return Described(sensors, places, modules)
