"""Code that reaches beyond its own process: what is shared with it, what it leaves, what it does to a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from asking import LIMIT_S, model, view, written

from sightline.parsers.code import Code
from sightline.parsers.strays import NAME, end_strays, new_mark
from sightline.parsers.trusted import TrustedParser
from sightline.parsers.worker_parser import WorkerParser
from sightline.types import Prediction

OUTPUTS = {"out": np.zeros((1, 84, 100), np.float32)}
GOOD = "\n    return Detections(np.array([[1.0, 2, 3, 4]]), np.array([0.5]), np.array([0]))\n"


def frames(parser: WorkerParser, count: int) -> list[Prediction]:
    """A request a frame."""
    got: list[Prediction] = []
    for index in range(count):
        parser.submit(OUTPUTS, model(OUTPUTS), [view(index)])
        answers = parser.collect(LIMIT_S)
        assert answers is not None
        got += answers
    return got


@pytest.mark.parametrize("size", [0, 1 << 40])
def test_shared_memory_cannot_be_taken_away_nor_made_endless(tmp_path: Path, size: int) -> None:
    code = (
        f"""
def parse(outputs, spec, view):
    for fd in range(3, 30):
        try:
            os.ftruncate(fd, {size})
        except OSError:
            pass"""
        + GOOD
    )
    parser = WorkerParser(Code(written(tmp_path, code), time_limit_s=LIMIT_S))
    try:
        assert [len(p.detections) for p in frames(parser, 3)] == [1, 1, 1]
        assert parser.faults == {}
    finally:
        parser.close()


@pytest.mark.skipif(sys.platform != "linux", reason="what has left its group is found on Linux only")
def test_what_has_left_its_group_ends_with_it(tmp_path: Path) -> None:
    code = (
        """
import subprocess
def parse(outputs, spec, view):
    started = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    open("pid", "w").write(str(started.pid))"""
        + GOOD
    )
    parser = WorkerParser(Code(written(tmp_path, code), time_limit_s=LIMIT_S))
    try:
        frames(parser, 1)
        started = int((tmp_path / "pid").read_text())
        assert Path(f"/proc/{started}").exists()
    finally:
        parser.close()
    for _ in range(200):
        stat = Path(f"/proc/{started}/stat")
        if not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.02)
    pytest.fail("it still runs")


@pytest.mark.skipif(sys.platform != "linux", reason="what has left its group is found on Linux only")
def test_strays_are_those_with_the_mark_alone() -> None:
    mark = new_mark()
    marked = subprocess.Popen(["sleep", "100"], env={**os.environ, NAME: mark})
    other = subprocess.Popen(["sleep", "100"], env={**os.environ, NAME: mark + "x"})
    try:
        assert end_strays(mark) == 1
        assert marked.wait(LIMIT_S) == -9
        assert other.poll() is None
        assert end_strays("") == 0
    finally:
        for process in (marked, other):
            process.kill()
            process.wait()


def test_what_it_prints_does_nothing_to_a_terminal(tmp_path: Path) -> None:
    code = "def parse(outputs, spec, view):\n    print('a\\x1b[2Jb\\tc \\x07é')" + GOOD
    parser = WorkerParser(Code(written(tmp_path, code), time_limit_s=LIMIT_S))
    try:
        frames(parser, 2)
        time.sleep(0.05)
        frames(parser, 1)
        assert parser.printed()[0] == "a\N{REPLACEMENT CHARACTER}[2Jb\tc \N{REPLACEMENT CHARACTER}é"
    finally:
        parser.close()


def test_more_objects_than_any_scene_has_are_refused(tmp_path: Path) -> None:
    code = """
def parse(outputs, spec, view):
    n = 100_001 - view.frame.index
    return Detections(np.tile(np.float32([[1, 2, 3, 4]]), (n, 1)), np.ones(n, np.float32), np.zeros(n, np.int32))
"""
    parser = TrustedParser(Code(written(tmp_path, code)))
    assert [len(parser(OUTPUTS, model(OUTPUTS), [view(k)])[0].detections) for k in range(2)] == [0, 100_000]
    assert list(parser.faults) == ["my_parser.py: parse returned 100001 objects; at most 100000 a frame"]


def test_an_error_that_cannot_say_what_it_is_is_told_by_its_kind(tmp_path: Path) -> None:
    code = """
class Shy(Exception):
    def __str__(self):
        raise ValueError
def parse(outputs, spec, view):
    raise Shy
"""
    parser = TrustedParser(Code(written(tmp_path, code)))
    parser(OUTPUTS, model(OUTPUTS), [view()])
    assert list(parser.faults) == ["my_parser.py:9: Shy"]


def test_code_that_has_spoilt_its_process_gets_a_new_one_once(tmp_path: Path) -> None:
    code = (
        """
def parse(outputs, spec, view):
    if view.frame.index == 3:
        np.array = None"""
        + GOOD
    )
    parser = WorkerParser(Code(written(tmp_path, code), time_limit_s=LIMIT_S))
    try:
        boxes = [len(p.detections) for p in frames(parser, 20)]
        assert boxes == [1] * 3 + [0] * 10 + [1] * 7
        assert parser.starts == 2
        assert "10 faults in a row" in parser.printed()[-1]
    finally:
        parser.close()


def test_code_that_never_worked_keeps_its_process_and_is_named(tmp_path: Path) -> None:
    parser = WorkerParser(Code(written(tmp_path, "def parse(outputs):\n    return None\n"), time_limit_s=LIMIT_S))
    try:
        frames(parser, 25)
        assert parser.starts == 1
        (fault,) = parser.faults
        assert fault.startswith("my_parser.py: TypeError: parse() takes 1 positional argument")
    finally:
        parser.close()
