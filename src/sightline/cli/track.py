"""`sightline track`: detections in MOTChallenge text -> the same with track ids."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from sightline.errors import OutputError, SightlineError, UsageError
from sightline.options import parse_part
from sightline.parts import construct
from sightline.protocols import Tracker
from sightline.sinks.target import Staged, check_target
from sightline.sources.mot import MotText, SequenceInfo, read_mot, read_seqinfo
from sightline.types import Detections, Frame, Instant, StreamInfo

__all__ = ["command", "track"]

_WITHOUT_LIMIT_S = 60.0


def command(
    detections: Annotated[Path, typer.Argument(help="frame,id,left,top,width,height,score, one box a line")],
    output: Annotated[str, typer.Option("--output", "-o", help="a file, or - for stdout")] = "-",
    rate: Annotated[str | None, typer.Option(help="frames a second; else that of seqinfo.ini")] = None,
    tracker: Annotated[str, typer.Option("--track", help="tracker:option=value,...")] = "bytetrack",
) -> None:
    """Give detections in MOTChallenge text track ids."""
    part = parse_part(tracker)
    chosen = construct("tracker", part.kind, part.options)
    given = None if rate is None else _rate(rate)
    target = None if output == "-" else Path(output)
    if target is not None:
        check_target(target)
        if target.exists() and detections.exists() and target.samefile(detections):
            raise UsageError(f"{output}: is the input; name another output with -o")
    boxes = read_mot(detections)
    info = read_seqinfo(detections)
    per_second = given or (info.rate if info else None)
    if per_second is None:
        raise UsageError(
            f"{detections}: no seqinfo.ini with a frameRate beside it; say the frames a second with --rate"
        )
    lines = track(boxes, chosen, _stream(detections.name, boxes, info, per_second))
    if target is None:
        sys.stdout.writelines(lines)
    else:
        _write(target, lines)


def track(boxes: MotText, tracker: Tracker, stream: StreamInfo) -> Iterator[str]:
    """Lines `frame,id,left,top,width,height,score,-1,-1,-1` of what is tracked, ordered by frame and id.

    Frames without boxes are shown to the tracker too, and only left out where every track has ended.
    """
    frames, starts = np.unique(boxes.frame, return_index=True)
    ends = np.append(starts[1:], len(boxes.frame))[: len(frames)]
    patience = _patience(tracker, float(stream.rate or 25))
    expected = None
    for number, start, end in zip(frames.tolist(), starts.tolist(), ends.tolist(), strict=True):
        if expected is not None:
            for empty in range(expected, min(number, expected + patience)):
                tracker.update(Detections(), _frame(stream, empty))
        expected = number + 1
        ltwh, score = boxes.ltwh[start:end], boxes.score[start:end]
        xyxy = np.concatenate([ltwh[:, :2], ltwh[:, :2] + ltwh[:, 2:]], 1)
        seen = Detections(xyxy.astype(np.float32), score.astype(np.float32), np.zeros(len(score), np.int32))
        tracks = tracker.update(seen, _frame(stream, number))
        for i in np.argsort(tracks.id):
            row = int(tracks.row[i])
            left, top, width, height = ltwh[row]
            place = f"{left:.3f},{top:.3f},{width:.3f},{height:.3f}"
            yield f"{number},{int(tracks.id[i])},{place},{score[row]:.4f},-1,-1,-1\n"


def _patience(tracker: Tracker, rate: float) -> int:
    """Frames without boxes after which every track has ended."""
    frames: int | None = getattr(tracker, "lost_frames", None)
    if frames is None:
        frames = math.ceil(float(getattr(tracker, "lost_s", _WITHOUT_LIMIT_S)) * rate)
    return frames + 3


def _frame(stream: StreamInfo, number: int) -> Frame:
    return Frame(stream, number, Instant(number, stream.base), None, stream.width, stream.height)


def _stream(name: str, boxes: MotText, info: SequenceInfo | None, rate: Fraction) -> StreamInfo:
    """The pictures nobody has: as large as the boxes where no seqinfo.ini says."""
    far = (boxes.ltwh[:, :2] + boxes.ltwh[:, 2:]).max(0) if len(boxes.ltwh) else np.ones(2)
    width = (info.width if info else None) or max(1, math.ceil(far[0]))
    height = (info.height if info else None) or max(1, math.ceil(far[1]))
    return StreamInfo(name, width, height, 1 / rate, rate)


def _rate(text: str) -> Fraction:
    try:
        rate = Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 100_000:
        raise UsageError(f"--rate {text!r}: expected frames a second, as in 25, 29.97 or 30000/1001")
    return rate


def _write(target: Path, lines: Iterator[str]) -> None:
    staged = Staged(target)
    try:
        with staged.begin().open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
        staged.commit()
    except SightlineError:
        raise
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        staged.discard()  # nothing is left of it once it has its final name
