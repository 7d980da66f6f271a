"""JSONL: whole lines, in order, begun late, and what happens when they cannot be written."""

import contextlib
import io
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sightline import wire
from sightline.errors import OutputError, UsageError
from sightline.protocols import RunInfo, Sink, StageInfo
from sightline.sinks.jsonl import JsonlSink, PipeClosed
from sightline.types import Detections, Event, Frame, FrameResult, Instant, Prediction, StreamInfo

STREAM = StreamInfo("clip.mp4", 64, 48, Fraction(1, 25))
INFO = RunInfo((StageInfo("model", "m", "", "openvino", "f32", 0.2, 0.5, ("cat",)),), (STREAM,))


def result(index: int, stream: StreamInfo = STREAM, events: int = 0) -> FrameResult:
    at = Instant(index, stream.base)
    found = Detections(np.ones((2, 4), np.float32), np.ones(2, np.float32), np.zeros(2, np.int32), ("cat",))
    facts = tuple(Event(f"{index}-{i}", "zone.entered", "yard", stream.id, index, at, 1, "cat") for i in range(events))
    return FrameResult(Frame(stream, index, at, None, 64, 48), Prediction(found), events=facts)


def lines_of(path: Path) -> list[dict]:
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [dict(wire.parse(line)) for line in text.splitlines()]


def test_the_run_then_every_frame_and_its_events(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.jsonl"
    sink = JsonlSink(str(path))
    assert isinstance(sink, Sink)
    assert not sink.wants_picture
    sink.open(INFO)
    assert not path.parent.exists()
    for i in range(3):
        sink.write(result(i, events=i), None)
    sink.close()
    sink.close()
    kinds = [(r["type"], r.get("frame")) for r in lines_of(path)]
    assert kinds == [("run", None), ("frame", 0), ("frame", 1), ("event", 1), ("frame", 2), ("event", 2), ("event", 2)]


def test_without_a_frame_what_was_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("before")
    sink = JsonlSink(str(path))
    sink.open(INFO)
    sink.close()
    assert path.read_text() == "before"
    sink.open(INFO)
    sink.write(result(0), None)
    sink.close()
    assert [r["type"] for r in lines_of(path)] == ["run", "frame"]


def test_live_results_are_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = JsonlSink(str(path))
    sink.open(INFO)
    for i in range(5):
        sink.write(result(i, replace(STREAM, live=True)), None)
        assert len(lines_of(path)) == i + 2
    sink.close()


def test_folders(tmp_path: Path) -> None:
    for streams, name in (((STREAM,), "clip.jsonl"), ((STREAM, replace(STREAM, id="b.mp4")), "results.jsonl")):
        sink = JsonlSink(str(tmp_path))
        sink.open(replace(INFO, streams=streams))
        sink.write(result(0), None)
        sink.close()
        assert len(lines_of(tmp_path / name)) == 2


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="not a folder"):
        JsonlSink(str(tmp_path / "file" / "out.jsonl")).open(INFO)


@contextlib.contextmanager
def at_most(size: int) -> Iterator[None]:
    """Files cannot grow beyond `size` bytes: what a full disk looks like to a writer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_whole_lines_and_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = JsonlSink(str(path))
    sink.open(INFO)
    live = replace(STREAM, live=True)

    def fill() -> None:
        for i in range(100):
            sink.write(result(i, live), None)

    with at_most(5000), pytest.raises(OutputError, match=r"out\.jsonl: cannot be written: File too large"):
        fill()
    sink.close()
    rows = lines_of(path)
    assert [r["frame"] for r in rows[1:]] == list(range(len(rows) - 1))
    assert len(rows) > 5


def test_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    sink = JsonlSink("-")
    sink.open(INFO)
    sink.write(result(0), None)
    sink.close()
    out = capfdbinary.readouterr().out.decode().splitlines()
    assert [json.loads(line)["type"] for line in out] == ["run", "frame"]
    print("still open")


def test_standard_output_that_knows_text_only(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    monkeypatch.setattr(sys, "stdout", text)
    sink = JsonlSink("-")
    sink.open(INFO)
    sink.write(result(0), None)
    sink.close()
    assert len(text.getvalue().splitlines()) == 2


def test_a_reader_that_goes_away_ends_the_run_quietly() -> None:
    program = (
        "import sys; sys.path[:0] = [sys.argv[1]]\n"
        "from test_jsonl_sink import INFO, JsonlSink, PipeClosed, STREAM, replace, result\n"
        "sink = JsonlSink('-'); sink.open(INFO)\n"
        "try:\n"
        "    for i in range(100_000): sink.write(result(i, replace(STREAM, live=True)), None)\n"
        "except PipeClosed as error:\n"
        "    sink.close(); sys.exit(40 + error.exit_code)\n"
    )
    folder = str(Path(__file__).parent)
    with subprocess.Popen(
        [sys.executable, "-c", program, folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["type"] == "run"
        process.stdout.close()
        assert process.wait(30) == 40
        assert b"Traceback" not in process.stderr.read()


def test_the_error_of_a_closed_pipe_is_no_failure() -> None:
    assert PipeClosed("gone").exit_code == 0
    assert issubclass(PipeClosed, OSError)
    assert os.linesep in ("\n", "\r\n")
