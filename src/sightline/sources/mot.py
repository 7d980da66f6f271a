"""MOTChallenge text -> detections by frame: `frame,id,left,top,width,height,score,...`, one box a line.

Columns are parted by commas, semicolons or white space; frames count from 1, or from 0 as with KITTI, in any order.
Blank lines and those that begin with # are passed over; columns behind the score are not read.
"""

from __future__ import annotations

import configparser
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.errors import InputError

__all__ = ["MotText", "SequenceInfo", "read_mot", "read_seqinfo"]


@dataclass(frozen=True, slots=True, eq=False)
class MotText:
    """Boxes of a sequence. frame (N,) int64 rising; ltwh (N, 4) float64 pixels; score (N,) float64."""

    frame: NDArray[np.int64]
    ltwh: NDArray[np.float64]
    score: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SequenceInfo:
    """What a seqinfo.ini says; None where it does not."""

    path: Path
    rate: Fraction | None = None
    frames: int | None = None
    width: int | None = None
    height: int | None = None


def read_mot(path: Path) -> MotText:
    """The boxes of a file, ordered by frame. Raises InputError naming file and line.

    A file without scores, or with -1 for every one, has score 1 throughout.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = "not a text file" if isinstance(error, UnicodeDecodeError) else (error.strerror or str(error))
        raise InputError(f"{path}: cannot be read: {reason}") from error
    rows = [
        _row(line, f"{path}:{number}")
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not rows:
        return MotText(np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0))
    table = np.array(rows)
    table = table[np.argsort(table[:, 0], kind="stable")]
    score = table[:, 5]
    if (score == -1).all():
        score = np.ones(len(score))
    return MotText(table[:, 0].astype(np.int64), table[:, 1:5], score)


def _row(line: str, where: str) -> tuple[float, ...]:
    words = line.replace(",", " ").replace(";", " ").split()
    if len(words) < 6:
        raise InputError(f"{where}: expected frame,id,left,top,width,height,score, got {len(words)} columns")
    try:
        frame, box = float(words[0]), [float(word) for word in words[2:6]]
        score = float(words[6]) if len(words) > 6 else -1.0
    except ValueError as error:
        bad = str(error).rpartition(": ")[2]
        raise InputError(f"{where}: {bad} is not a number; expected frame,id,left,top,width,height,score") from error
    if not frame.is_integer() or not 0 <= frame < 2**53:
        raise InputError(f"{where}: frame {words[0]} is not a whole number from 0 on")
    if not all(map(math.isfinite, (*box, score))):
        raise InputError(f"{where}: box and score must be finite numbers")
    return (frame, *box, score)


def read_seqinfo(detections: Path) -> SequenceInfo | None:
    """The seqinfo.ini beside a file or one folder up; None where there is none. Raises InputError naming it."""
    folder = detections.absolute().parent
    for path in (folder / "seqinfo.ini", folder.parent / "seqinfo.ini"):
        if path.is_file():
            return _seqinfo(path)
    return None


def _seqinfo(path: Path) -> SequenceInfo:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise InputError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error
    section = parser["Sequence"] if parser.has_section("Sequence") else {}
    numbers: dict[str, Fraction | None] = {}
    for key in ("frameRate", "seqLength", "imWidth", "imHeight"):
        word = section.get(key)
        try:
            numbers[key] = Fraction(word.strip()) if word and word.strip() else None
        except (ValueError, ZeroDivisionError) as error:
            raise InputError(f"{path}: {key}: {word!r} is not a number") from error
        if (value := numbers[key]) is not None and value <= 0:
            numbers[key] = None
    whole = {key: None if value is None else int(value) for key, value in numbers.items()}
    return SequenceInfo(path, numbers["frameRate"], whole["seqLength"], whole["imWidth"], whole["imHeight"])
