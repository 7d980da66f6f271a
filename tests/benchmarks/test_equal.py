"""The frame by frame comparison sees what it should, and forgives rounding and a tracker's weak ones only."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.equal import differences, frames_in

Lines = list[dict[str, Any]]


def slow() -> Lines:
    def thing(label: int, score: float, x: float) -> dict[str, Any]:
        return {"class": label, "score": score, "box": [x, 10.123456, x + 50, 80.0]}

    still = [thing(2, 0.31, 200.0), thing(1, 0.12, 400.0)]
    return [{"frame": i, "pts": i * 512, "objects": [thing(1, 0.912345, 10.0 + i), *still]} for i in range(4)]


def fast() -> Lines:
    """As a run prints it: rounded, without what is below the threshold."""
    lines = copy.deepcopy(slow())
    for line in lines:
        line["objects"] = [
            {**o, "score": round(o["score"], 4), "box": [round(v, 2) for v in o["box"]], "track": 1}
            for o in line["objects"]
            if o["score"] >= 0.25
        ]
    return lines


def test_rounding_is_no_difference() -> None:
    assert differences(fast(), slow(), 0.25) == []


def test_a_weak_object_that_a_tracker_kept_is_no_difference() -> None:
    lines = fast()
    lines[2]["objects"].append({"class": 1, "score": 0.12, "box": [400.0, 10.12, 450.0, 80.0], "track": 3})
    assert differences(lines, slow(), 0.25) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f[1]["objects"].pop(), "frame 1: class 2 0.3100 [200.00, 10.12, 250.00, 80.00] is missing"),
        (lambda f: f[1]["objects"].append(dict(f[1]["objects"][0])), "is not in the slow run"),
        (lambda f: f[0]["objects"][0].update({"class": 3}), "frame 0: class 3"),
        (lambda f: f[0]["objects"][0].update(score=0.9145), "is not in the slow run"),
        (lambda f: f[3]["objects"][1].update(box=[200.0, 10.12, 250.0, 80.02]), "frame 3"),
        (lambda f: f[2].update(pts=7), "frame 2, pts 1024: the line says frame 2, pts 7"),
        (lambda f: f.pop(), "3 frames instead of 4"),
    ],
)
def test_a_difference_is_found(change: Any, words: str) -> None:
    lines = fast()
    change(lines)
    found = differences(lines, slow(), 0.25)
    assert found
    assert any(words in told for told in found)


def test_results_of_two_frames_in_the_wrong_order_are_found() -> None:
    lines = fast()
    lines[0]["objects"], lines[1]["objects"] = lines[1]["objects"], lines[0]["objects"]
    assert len(differences(lines, slow(), 0.25)) >= 2


def test_only_frame_lines_of_the_stream_are_read(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    lines: Lines = [{"type": "run"}, {"type": "frame", "stream": "a", "frame": 0}, {"type": "event", "stream": "a"}]
    lines.append({"type": "frame", "stream": "b", "frame": 0})
    path.write_text("\n".join(map(json.dumps, lines)))
    assert len(frames_in(path)) == 2
    assert [f["stream"] for f in frames_in(path, "b")] == ["b"]
