"""Do the results of a fast run hold what the slow one found, frame by frame?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["differences", "frames_in"]

TOLERANCE = 1e-3
# half a unit of the last printed digit of scores and boxes
_SCORE_SLACK = TOLERANCE + 0.5e-4
_BOX_SLACK = TOLERANCE + 0.5e-2

Line = Mapping[str, Any]


def frames_in(path: Path, stream: str | None = None) -> list[Line]:
    """The frame lines of a results file (all of them, or one stream's), or the lines of the slow run."""
    with path.open() as lines:
        found = [json.loads(line) for line in lines]
    return [f for f in found if f.get("type", "frame") == "frame" and (stream is None or f.get("stream") == stream)]


def differences(fast: Sequence[Line], slow: Sequence[Line], score: float) -> list[str]:
    """What differs, in words; empty where nothing does.

    Every object of `fast` must be in `slow` (same class, box and score up to rounding and 0.001), and every object of
    `slow` that is surely above `score` in `fast`; a tracker may have kept some that are below. Frames by ordinal and
    pts.
    """
    found: list[str] = []
    if len(fast) != len(slow):
        found.append(f"{len(fast)} frames instead of {len(slow)}")
    for a, b in zip(fast, slow, strict=False):
        where = f"frame {b['frame']}"
        if (a["frame"], a["pts"]) != (b["frame"], b["pts"]):
            found.append(f"{where}, pts {b['pts']}: the line says frame {a['frame']}, pts {a['pts']}")
            continue
        left = list(b["objects"])
        for thing in a["objects"]:
            twin = next((other for other in left if _same(thing, other)), None)
            if twin is None:
                found.append(f"{where}: {_told(thing)} is not in the slow run")
            else:
                left.remove(twin)
        missed = [other for other in left if other["score"] >= score + _SCORE_SLACK]
        found += [f"{where}: {_told(other)} is missing" for other in missed]
    return found


def _same(a: Line, b: Line) -> bool:
    return (
        a["class"] == b["class"]
        and abs(a["score"] - b["score"]) <= _SCORE_SLACK
        and all(abs(p - q) <= _BOX_SLACK for p, q in zip(a["box"], b["box"], strict=True))
    )


def _told(thing: Line) -> str:
    box = ", ".join(f"{v:.2f}" for v in thing["box"])
    return f"class {thing['class']} {thing['score']:.4f} [{box}]"
