"""Messages in the minimal schema -> how many of each object a sensor saw on average, window by window.

What the query DeepStreamAnalytics.sql of the Jetson video analytics guide says, read with the documentation of its
language (Azure Stream Analytics):
- a row's time is its own "@timestamp" (TIMESTAMP BY), in whatever order rows come; rows of 1970-01-01T00:00:00.000Z,
  which a camera sends while it reconnects, are left out;
- an object is one element of "objects"; its name is what follows the first "|" before a letter, case not minded;
  without such a place it is the whole element;
- elements that occur more than once with the same sensor, time, place in the list and text are all left out: only
  those that match once go on (not one of each);
- a tumbling window ends at a multiple of its length since midnight UTC, holds its end and not its beginning, and bears
  its end as its time; the second window of the query therefore is the same as the first;
- count is the mean over the times at which the sensor saw that object, cut to a whole number; times without it are not
  in the mean.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from sightline.errors import UsageError

__all__ = ["Summary", "epoch_ms", "object_name", "summarised", "text_of", "window_end"]

DISCONNECTED = "1970-01-01T00:00:00.000Z"
_BEFORE_NAME = re.compile(r"\|[a-z]", re.IGNORECASE | re.DOTALL | re.ASCII)
_START = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Summary:
    """`count` objects named `object` at sensor `sensor_id`, in the window that ends `end_ms` after 1970 UTC."""

    count: int
    sensor_id: str
    object: str
    end_ms: int

    @property
    def message(self) -> dict[str, object]:
        """{"count", "sensorId", "object", "@timestamp"}, as the query puts it."""
        return {
            "count": self.count,
            "sensorId": self.sensor_id,
            "object": self.object,
            "@timestamp": text_of(self.end_ms),
        }


def object_name(element: str) -> str:
    """ "7|10|20|30|40|Car" -> "Car"."""
    found = _BEFORE_NAME.search(element)
    return element[found.start() + 1 :] if found else element


def epoch_ms(text: str) -> int:
    """ "2020-05-03T20:47:27.435Z" -> milliseconds since 1970 UTC; without a zone it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _START) // timedelta(milliseconds=1)


def text_of(ms: int) -> str:
    """Milliseconds since 1970 UTC -> "2020-05-03T20:47:30.000Z"."""
    return (_START + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def window_end(ms: int, window_ms: int) -> int:
    """The end of the window that holds this time; a time on the border belongs to the window that ends there."""
    return -(-ms // window_ms) * window_ms


def summarised(rows: Iterable[Mapping[str, object]], window_s: float = 15.0) -> list[Summary]:
    """The summaries of all windows in order of time, of a window in order of first appearance.

    rows: messages with "sensorId", "@timestamp" and "objects" (a list of text), in any order of time.
    Raises UsageError naming the row and what it lacks.
    """
    window_ms = _milliseconds(window_s)
    matches: Counter[tuple[str, str, int, str]] = Counter()
    for i, row in enumerate(rows):
        sensor, stamp, elements = _fields(i, row)
        if stamp != DISCONNECTED:
            matches.update((sensor, stamp, place, element) for place, element in enumerate(elements))
    seen: Counter[tuple[str, str, str]] = Counter()
    for (sensor, stamp, _, element), times in matches.items():
        if times == 1:
            seen[sensor, object_name(element), stamp] += 1
    numbers: dict[tuple[int, str, str], list[int]] = {}
    for (sensor, name, stamp), number in seen.items():
        end = window_end(epoch_ms(stamp), window_ms)
        numbers.setdefault((end, sensor, name), []).append(number)
    means = ((end, sensor, name, math.floor(sum(n) / len(n))) for (end, sensor, name), n in numbers.items())
    return [Summary(count, sensor, name, end) for end, sensor, name, count in sorted(means, key=lambda m: m[0])]


def _milliseconds(window_s: float) -> int:
    if not 0.001 <= window_s < float("inf"):
        raise UsageError(f"window_s: expected a number of seconds above 0, got {window_s}")
    return round(window_s * 1000)


def _fields(i: int, row: Mapping[str, object]) -> tuple[str, str, Sequence[str]]:
    """Sensor, time and elements of row `i`."""
    sensor, stamp, elements = row.get("sensorId"), row.get("@timestamp"), row.get("objects")
    if not isinstance(sensor, str):
        raise UsageError(f"row {i}: sensorId is not text")
    if not isinstance(stamp, str):
        raise UsageError(f"row {i}: @timestamp is not text")
    try:
        epoch_ms(stamp)
    except (ValueError, OverflowError):
        raise UsageError(f"row {i}: @timestamp {stamp!r} is not a time, as 2020-05-03T20:47:27.435Z is") from None
    texts = cast("list[object]", elements) if isinstance(elements, list) else None
    if texts is None or not all(isinstance(e, str) for e in texts):
        raise UsageError(f"row {i}: objects is not a list of text")
    return sensor, stamp, cast("list[str]", texts)
