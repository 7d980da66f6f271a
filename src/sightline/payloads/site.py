"""What a message says of the camera that nobody can see in its pictures: sensor, place, analytics module.

Source: the `[sensorN]`, `[placeN]` and `[analyticsN]` groups of DeepStream's nvmsgconv files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

__all__ = ["AnalyticsModule", "Place", "Sensor", "of_stream"]

Point = tuple[float, float, float]
# how a configuration is read into these: a misspelt key is a fault, an id may be a number
_STRICT: dict[str, object] = {"extra": "forbid", "coerce_numbers_to_str": True}


@dataclass(frozen=True, slots=True)
class Sensor:
    """A camera. location: latitude, longitude, altitude; coordinate: x, y, z of the site's own plan."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT

    id: str = ""
    type: str = ""
    description: str = ""
    location: Point = (0.0, 0.0, 0.0)
    coordinate: Point = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the camera looks. fields: what the file calls place-sub-field1 to 3; what they mean depends on the event
    (id, name and level of an aisle, say). location and coordinate: as of a sensor, the latter of the sub-place.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT

    id: str = ""
    name: str = ""
    type: str = ""
    location: Point = (0.0, 0.0, 0.0)
    coordinate: Point = (0.0, 0.0, 0.0)
    fields: tuple[str, str, str] = ("", "", "")


@dataclass(frozen=True, slots=True)
class AnalyticsModule:
    """Whose analytics these are."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT

    id: str = ""
    description: str = ""
    source: str = ""
    version: str = ""


Record = TypeVar("Record", Sensor, Place, AnalyticsModule)


def of_stream(records: Mapping[str, Record], stream_id: str, index: int) -> Record | None:
    """The record of one stream: by its id, else by its place among the streams ("0", "1" ...); None for none."""
    return records.get(stream_id) or records.get(str(index))
