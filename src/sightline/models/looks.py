"""What a model is asked to look at: a frame, a part of it, an object with what is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.types import Frame

__all__ = ["Look", "Region", "track_name"]

Region = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One view that a model is asked for.

    region: x1, y1, x2, y2 whole frame pixels; None: what the model looks at by itself. turned: (2, 3) from pixels of
    the tensor to frame pixels, where the part does not lie straight. parent: the object's row. parts: regions of
    further pictures by name ("left-eye"). columns: what is known of the object, by name, for inputs that take it.
    track: whose windows are remembered; "" the stream's.
    """

    frame: Frame
    region: Region | None = None
    turned: NDArray[np.float64] | None = None
    parent: int = -1
    parts: Mapping[str, Region] = field(default_factory=dict[str, Region])
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])
    track: str = ""


def track_name(stream: str, key: Sequence[int]) -> str:
    """What the windows of an object are kept under: its stream, its track, and its numbers within that."""
    return "\n".join((stream, *map(str, key)))
