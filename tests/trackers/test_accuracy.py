"""Our ByteTrack against the tracks the reference package wrote for the same boxes (needs SIGHTLINE_ASSETS)."""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sightline.cli.track import track
from sightline.sources.mot import read_mot
from sightline.trackers.bytetrack import ByteTrack
from sightline.trackers.sort import Sort
from sightline.types import StreamInfo

ASSETS = Path(os.environ.get("SIGHTLINE_ASSETS", "")) / "tracking"
pytestmark = pytest.mark.skipif(
    not os.environ.get("SIGHTLINE_ASSETS") or not ASSETS.is_dir(), reason="SIGHTLINE_ASSETS names no tracking data"
)


def paths(lines):
    """{track: rows of frame and box}, named by what they hold, since ids may be numbered otherwise."""
    by_id = {}
    for line in lines:
        words = line.split(",")
        by_id.setdefault(words[1], []).append((int(words[0]), *(round(float(w), 1) for w in words[2:6])))
    return sorted(by_id.values())


@pytest.mark.parametrize(
    ("name", "rate", "make", "folder"),
    [
        ("TUD-Stadtmitte", 25, lambda lost_s: ByteTrack(lost_s=lost_s), "ByteTrack"),
        ("PETS09-S2L1", 7, lambda lost_s: ByteTrack(lost_s=lost_s), "ByteTrack"),
        ("KITTI-17", 10, lambda lost_s: Sort(lost_s=lost_s), "SORT"),
    ],
)
def test_tracks_are_those_of_the_reference_package(name, rate, make, folder):
    boxes = read_mot(ASSETS / "MOT15" / name / "det/det-frcnn.txt")
    stream = StreamInfo(name, 1920, 1080, 1 / Fraction(rate), Fraction(rate))
    ours = paths(track(boxes, make(30 / rate), stream))
    theirs = paths((ASSETS / "reference-tracks/MOT15" / folder / f"{name}.txt").read_text().splitlines())
    same = sum(path in theirs for path in ours)
    # a handful differ where two assignments are equally good
    assert same >= 0.95 * max(len(ours), len(theirs))
    assert abs(sum(map(len, ours)) - sum(map(len, theirs))) <= 0.005 * np.sum([len(p) for p in theirs])
