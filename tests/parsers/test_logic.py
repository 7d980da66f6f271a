"""Rules of a user's own: what they see, what they say, and that their mistakes cost events only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sightline.errors import RuntimeFailure, UsageError
from sightline.parsers.code import Code
from sightline.parsers.logic import LogicRunner
from sightline.parsers.make import make_logic
from sightline.types import Attribute, Detections, Event, FrameResult, Inside, Instant, Prediction, Report, Tracks
from tests.parsers.asking import LIMIT_S, view, written


def result(index: int = 0, stream: str = "cam") -> FrameResult:
    """A person with track 7 in a zone, an untracked dog with a hat on, a coasting track 9, an event."""
    attributes = np.empty(2, object)
    attributes[:] = [(), (Attribute("hat", "yes", 0.9),)]
    found = Detections(
        np.array([[10, 20, 30, 60], [0, 0, 5, 5]], np.float32),
        np.array([0.9, 0.5], np.float32),
        np.array([0, 1], np.int32),
        ("person", "dog"),
        columns={"attributes": attributes},
        keypoints=np.zeros((2, 1, 3), np.float32),
    )
    tracks = Tracks(
        np.array([7]), np.array([0]), np.array([9]), np.ones((1, 4), np.float32), np.array([1], np.int32),
        np.array([0.25], np.float32),
    )  # fmt: skip
    columns = np.empty(1, object)
    columns[0] = ("door",)
    faces = Detections(np.ones((1, 4), np.float32), np.ones(1, np.float32), np.zeros(1, np.int32), ("face",), "faces")
    frame = view(index, stream=stream).frame
    return FrameResult(
        frame,
        Prediction(found, custom={"n": 1}),
        tracks,
        (Event("e1", "zone.entered", "door", stream, index, frame.at, 7, "person", {"x": 1}),),
        {"door": {"now": {"person": 1}}},
        inside=(Inside("model", replace(faces, parent=np.array([0], np.int32))),),
        columns={"roi": columns},
    )


def reports(runner: LogicRunner, results: list[FrameResult]) -> list[Report]:
    got: list[Report] = []
    sent = 0
    while len(got) < len(results):
        while sent < len(results) and runner.room:
            runner.submit(results[sent])
            sent += 1
        report = runner.collect(LIMIT_S)
        assert report is not None
        got.append(report)
    return got


def both(path: Path, results: list[FrameResult]) -> list[Report]:
    """In a process of its own, and trusted: the same."""
    answers = []
    for trust in (False, True):
        runner = make_logic(Code(path, time_limit_s=LIMIT_S), trust=trust)
        runner.start()
        answers.append(reports(runner, results))
        assert runner.faults == {}
        runner.close()
    assert answers[0] == answers[1]
    return answers[0]


SEES = """
def on_result(result, out):
    person, dog, gone = result.objects
    (event,) = result.events
    out.event("seen", track=person.track, label=person.label, all=[
        result.stream, result.frame, result.time_s, result.width, result.height, result.inferred, result.custom,
        result.counts["door"]["now"]["person"], event.kind, event.rule, event.track, event.data["x"],
        person.score, person.box, person.center, person.foot, person.columns, person.keypoints,
        [o.label for o in person.inside], dog.track, dog.attributes, dog.coasting, dog.columns,
        gone.track, gone.label, gone.coasting, gone.score, len(result.labelled("person", "dog"))])
"""


def test_all_that_a_result_says(tmp_path: Path) -> None:
    (report,) = both(written(tmp_path, SEES, "rules.py"), [result(5)])
    (event,) = report.events
    assert (event.kind, event.rule, event.stream, event.frame, event.track, event.label) == (
        "user.seen", "rules", "cam", 5, 7, "person",
    )  # fmt: skip
    assert event.at == result(5).frame.at
    said = event.data["all"]
    assert isinstance(said, list)
    assert said[:12] == ["cam", 5, 0.2, 1280, 720, True, {"n": 1}, 1, "zone.entered", "door", 7, 1]
    assert said[12] == pytest.approx(0.9)
    assert said[13:19] == [[10, 20, 30, 60], [20, 40], [20, 60], {"roi": ["door"]}, [[0, 0, 0]], ["face"]]
    assert said[19:] == [None, {"hat": "yes"}, False, {}, 9, "dog", True, 0.25, 3]


def test_recordings_start_and_stop_in_order_with_state_between_frames(tmp_path: Path) -> None:
    text = """
SEEN = {}
def on_result(result, out):
    inside = result.frame % 3 == 1
    if inside and not SEEN.get(result.stream):
        out.start_recording("a person", tags=["x"])
    if not inside and SEEN.get(result.stream):
        out.stop_recording(stream="other")
    SEEN[result.stream] = inside
"""
    answers = both(written(tmp_path, text, "rules.py"), [result(k, s) for k in range(6) for s in ("a", "b")])
    said = [(e.kind, e.stream, e.frame, dict(e.data)) for report in answers for e in report.events]
    start, stop = {"reason": "a person", "tags": ["x"]}, {"reason": "", "stream": "other"}
    expected = []
    for k in (1, 4):
        expected += [("record.start", s, k, start) for s in ("a", "b")]
        expected += [("record.stop", s, k + 1, stop) for s in ("a", "b")]
    assert said == expected


def test_ids_follow_from_the_facts(tmp_path: Path) -> None:
    path = written(tmp_path, "def on_result(r, out): out.event('x', n=r.frame % 2)\n", "rules.py")
    first, again = both(path, [result(0), result(1)]), both(path, [result(0), result(1)])
    ids = [report.events[0].id for report in first]
    assert ids == [report.events[0].id for report in again]
    assert len(set(ids)) == 2


BAD = {
    "1 / 0": "rules.py:7: ZeroDivisionError: division by zero",
    "out.event('x', f=on_result)": "rules.py: x['f']: a function has no JSON; expected numbers, text, lists and dicts "
    "of them",
    "out.event(5)": "rules.py: out.event: the kind is 5; expected text",
    "out.event('x', track='seven')": "rules.py: out.event: track is 'seven'; expected a whole number",
    "result.objects[0].lable": "rules.py:7: AttributeError: 'SeenObject' object has no attribute 'lable'",
    "os._exit(1)": "rules.py:7: ended its process (exit status 1)",
}


@pytest.mark.parametrize("line", BAD)
def test_mistakes_cost_the_events_of_their_result(tmp_path: Path, line: str) -> None:
    text = f"def on_result(result, out):\n    out.event('before')\n    if result.frame == 1:\n        {line}\n"
    runner = LogicRunner(Code(written(tmp_path, text, "rules.py"), time_limit_s=LIMIT_S))
    got = reports(runner, [result(k) for k in range(4)])
    runner.close()
    assert [len(report.events) for report in got] == [1, 0, 1, 1]
    assert (runner.faults, runner.lost) == ({BAD[line]: 1}, 1)


def test_endless_rules_are_ended(tmp_path: Path) -> None:
    text = "def on_result(result, out):\n    while result.frame == 1: pass\n    out.event('x')\n    print('hi')\n"
    runner = LogicRunner(Code(written(tmp_path, text, "rules.py"), time_limit_s=0.5))
    got = reports(runner, [result(k) for k in range(3)])
    assert got[1].events == ()
    assert any("took longer than 0.5 s" in fault for fault in runner.faults)
    assert "hi" in runner.printed()
    runner.close()


def test_a_file_without_rules_and_more_than_there_is_room_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"rules.py: it defines no rules: expected def on_result\(result, out\)"):
        make_logic(Code(written(tmp_path, "def on_results(r, out): pass\n", "rules.py")))
    path = written(tmp_path, "if True:\n    on_result = 5\n", "rules.py")
    for trust in (False, True):
        runner = LogicRunner(Code(path), trust=trust)
        with pytest.raises(UsageError, match="defines no rules"):
            runner.start()
        runner.close()
    runner = LogicRunner(Code(written(tmp_path, "def on_result(r, out): pass\n", "rules.py")))
    assert (runner.room, runner.collect(0.0), runner.waiting) == (True, None, 0)
    runner.close()
    trusted = LogicRunner(Code(path.with_name("rules.py")), trust=True)
    for _ in range(8):
        trusted.submit(result())
    assert not trusted.room
    with pytest.raises(RuntimeFailure, match="without room"):
        trusted.submit(result())


def test_a_stream_without_times_and_nothing_in_it(tmp_path: Path) -> None:
    path = written(tmp_path, "def on_result(r, out): out.event('x', t=r.time_s, n=len(r.objects))\n", "rules.py")
    frame = replace(view().frame, at=Instant(None, view().frame.stream.base))
    (report,) = both(path, [FrameResult(frame)])
    assert report.events[0].data == {"t": None, "n": 0}
