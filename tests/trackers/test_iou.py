"""The IoU tracker against a slow twin, and where it must fail."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from sightline.trackers.iou import Iou
from sightline.types import Detections, Frame, Instant, StreamInfo

STREAM = StreamInfo("a", 400, 400, Fraction(1, 10), Fraction(10))


def frame(i):
    return Frame(STREAM, i, Instant(i, STREAM.base), None, 400, 400)


def overlap(a, b):
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return w * h / (areas - w * h)


class Slow:
    """One track after the other, in frames."""

    def __init__(self, match, confirm, lost):
        self.match, self.confirm, self.lost = match, confirm, lost
        self.tracks, self.next = [], 1

    def update(self, boxes, scores):
        pairs = np.array([[overlap(t["box"], b) for b in boxes] for t in self.tracks]).reshape(-1, len(boxes))
        named, taken = {}, set()
        for i, j in zip(*linear_sum_assignment(-pairs), strict=True):
            if pairs[i, j] >= self.match:
                self.tracks[i] |= {"box": boxes[j], "hits": self.tracks[i]["hits"] + 1, "gone": -1, "row": j}
                taken.add(j)
        for j in range(len(boxes)):
            if j not in taken and scores[j] >= 0.25:
                self.tracks.append({"box": boxes[j], "hits": 1, "gone": -1, "id": 0, "row": j})
        for track in self.tracks:
            track["gone"] += 1
            if track["gone"] == 0 and track["id"] == 0 and track["hits"] >= self.confirm:
                track["id"], self.next = self.next, self.next + 1
            if track["gone"] == 0 and track["id"]:
                named[track["row"]] = track["id"]
        self.tracks = [t for t in self.tracks if t["gone"] <= (self.lost if t["id"] else 0)]
        return named


scenes = st.tuples(
    st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.3, 0.6]), st.integers(1, 4), st.sampled_from([0, 2, 8])
)


@given(scenes)
@settings(max_examples=40, deadline=None)
def test_tracks_are_those_of_the_slow_one(options):
    seed, match, confirm, lost = options
    rng = np.random.default_rng(seed)
    place, speed = rng.uniform(50, 350, (7, 2)), rng.uniform(-9, 9, (7, 2))
    tracker, slow = Iou(match=match, confirm=confirm, lost_frames=lost), Slow(match, confirm, lost)
    for i in range(40):
        here = rng.random(7) < 0.8
        middle = (place + speed * i)[here]
        size = rng.uniform(18, 22, (len(middle), 2))
        boxes = np.concatenate([middle - size, middle + size], 1).astype(np.float32)
        score = rng.uniform(0.1, 1, len(boxes)).astype(np.float32)
        tracks = tracker.update(Detections(boxes, score, np.zeros(len(boxes), np.int32)), frame(i))
        got = dict(zip(tracks.row.tolist(), tracks.id.tolist(), strict=True))
        want = slow.update(boxes.astype(float).tolist(), score)
        assert got == want


def test_nothing_is_predicted():
    tracker = Iou(confirm=1)
    box = np.array([[100, 100, 140, 140]], np.float32)
    for i in range(5):
        tracker.update(Detections(box + 8 * i, np.ones(1, np.float32), np.zeros(1, np.int32)), frame(i))
    tracks = tracker.update(None, frame(5))
    assert tracks.coasting_xyxy.tolist() == (box + 32).tolist()
    assert tracker.update(
        Detections(box + 72, np.ones(1, np.float32), np.zeros(1, np.int32)), frame(9)
    ).id.tolist() == [2]
