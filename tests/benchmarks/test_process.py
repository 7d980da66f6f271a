"""Commands are measured from outside, and what a further frame costs is free of their start."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.process import CommandFailed, Footage, Use, between, marginal, measure


def test_memory_of_the_process_is_seen() -> None:
    plain = measure([sys.executable, "-c", "pass"])
    large = measure([sys.executable, "-c", "x = bytearray(100 << 20)"])
    assert large.rss_mb - plain.rss_mb == pytest.approx(100, abs=15)
    assert plain.cpu_s > 0


def test_a_failure_is_told_with_its_last_words() -> None:
    with pytest.raises(CommandFailed, match=r"exit code 3\nno such thing"):
        measure([sys.executable, "-c", "import sys; print('no such thing', file=sys.stderr); sys.exit(3)"])


def test_the_start_cancels() -> None:
    each = between(Use(3.0, 2.5, 200), Use(9.0, 6.5, 230), 100, 300)
    assert each.cpu_ms == pytest.approx(30)
    assert each.frames_per_s == pytest.approx(50)
    assert each.start_s == pytest.approx(0.5)
    assert each.rss_mb == 230


def test_streams_side_by_side_count_all_their_frames(tmp_path: Path) -> None:
    def command(footage: Footage) -> Sequence[str]:
        return [sys.executable, "-c", f"open({str(tmp_path / footage.path)!r}, 'w')"]

    marginal(command, Footage(Path("a"), 10), Footage(Path("b"), 20), streams=4)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]
