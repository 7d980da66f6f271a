"""Our trackers against those of the reference package on the same boxes.

The tracks that it wrote lie with the tracking data (SIGHTLINE_ASSETS); where the package itself is there, it is asked.
"""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sightline.cli.track import track
from sightline.sources.mot import read_mot
from sightline.trackers.botsort import BotSort
from sightline.trackers.bytetrack import ByteTrack
from sightline.trackers.ocsort import OcSort
from sightline.trackers.sort import Sort
from sightline.types import Detections, Frame, Instant, StreamInfo

ASSETS = Path(os.environ.get("SIGHTLINE_ASSETS", "")) / "tracking"
needs_data = pytest.mark.skipif(
    not os.environ.get("SIGHTLINE_ASSETS") or not ASSETS.is_dir(), reason="SIGHTLINE_ASSETS names no tracking data"
)


def paths(lines):
    """{track: rows of frame and box}, named by what they hold, since ids may be numbered otherwise."""
    by_id = {}
    for line in lines:
        words = line.split(",")
        by_id.setdefault(words[1], []).append((int(words[0]), *(round(float(w), 1) for w in words[2:6])))
    return sorted(by_id.values())


OURS = {"ByteTrack": ByteTrack, "SORT": Sort, "OC-SORT": OcSort, "BoT-SORT": BotSort}


@needs_data
@pytest.mark.parametrize("folder", OURS)
@pytest.mark.parametrize(("name", "rate"), [("TUD-Stadtmitte", 25), ("PETS09-S2L1", 7), ("KITTI-17", 10)])
def test_tracks_are_those_of_the_reference_package(name, rate, folder):
    boxes = read_mot(ASSETS / "MOT15" / name / "det/det-frcnn.txt")
    stream = StreamInfo(name, 1920, 1080, 1 / Fraction(rate), Fraction(rate))
    ours = paths(track(boxes, OURS[folder](lost_s=30 / rate), stream))
    theirs = paths((ASSETS / "reference-tracks/MOT15" / folder / f"{name}.txt").read_text().splitlines())
    same = sum(path in theirs for path in ours)
    # a handful differ where two assignments are equally good
    assert same >= 0.95 * max(len(ours), len(theirs))
    assert abs(sum(map(len, ours)) - sum(map(len, theirs))) <= 0.005 * np.sum([len(p) for p in theirs])


@pytest.mark.parametrize(("ours", "theirs"), [(OcSort, "OCSORTTracker"), (BotSort, "BoTSORTTracker")])
def test_what_the_package_says_of_a_made_up_crowd(ours, theirs):
    package = pytest.importorskip("trackers", reason="the trackers package is not installed")
    supervision = pytest.importorskip("supervision", reason="the supervision package is not installed")
    options = {"enable_cmc": False} if theirs == "BoTSORTTracker" else {}
    reference, tracker = getattr(package, theirs)(**options), ours(lost_s=1.0)
    stream = StreamInfo("a", 1920, 1080, Fraction(1, 30), Fraction(30))
    rng = np.random.default_rng(5)
    place, speed = rng.uniform([100, 100], [1700, 900], (20, 2)), rng.uniform(-6, 6, (20, 2))
    names: dict[int, int] = {}
    for i in range(150):
        here = np.flatnonzero(rng.random(20) < 0.85)
        middle = (place + speed * i + rng.normal(0, 2, (20, 2)))[here]
        half = np.array([30, 60])
        boxes = np.concatenate([middle - half, middle + half], 1).astype(np.float32)
        score = rng.uniform(0.3, 1, len(here)).astype(np.float32)
        frame = Frame(stream, i, Instant(i, stream.base), None, 1920, 1080)
        said = tracker.update(Detections(boxes, score, np.zeros(len(boxes), np.int32)), frame)
        got = dict(zip(said.row.tolist(), said.id.tolist(), strict=True))
        given = supervision.Detections(
            xyxy=boxes.astype(float), confidence=score.astype(float), class_id=np.zeros(len(boxes), int)
        )
        given.data["row"] = np.arange(len(boxes))
        answer = reference.update(given)
        want = {int(r): int(n) for r, n in zip(answer.data.get("row", ()), answer.tracker_id, strict=True) if n >= 0}
        assert got.keys() == want.keys(), i
        assert all(names.setdefault(got[row], want[row]) == want[row] for row in got), i
    assert len(names) >= 20
