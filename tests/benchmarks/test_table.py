"""Ratios and medians on invented numbers."""

from __future__ import annotations

import pytest

from benchmarks.table import Bound, Limit, Pair, Report, Row, text


def pair(decode: float, infer: float, cpu: float, fps: float, encode: float = 0.0) -> Pair:
    return Pair(Limit(decode, infer, encode), cpu, fps)


def test_a_share_is_limit_through_cpu() -> None:
    one = pair(3.0, 25.0, 35.0, 50.0)
    assert one.share == pytest.approx(0.8)
    assert one.own_ms == pytest.approx(7.0)
    assert one.own_share == pytest.approx(7 / 3)
    assert one.busy(2) == pytest.approx(50 * 0.035 / 2)


def test_the_encoder_belongs_to_the_limit_where_there_is_one() -> None:
    assert pair(3.0, 25.0, 40.0, 40.0, encode=4.0).share == pytest.approx(32 / 40)


def test_a_row_is_the_median_of_ratios_not_the_ratio_of_medians() -> None:
    row = Row("case", "us", (pair(1, 9, 10, 1), pair(2, 18, 40, 2), pair(5, 45, 62.5, 3)), 2)
    assert row.share == pytest.approx(0.8)  # of 1, 0.5, 0.8; the medians alone would say 0.5
    assert row.cpu_ms == 40
    assert row.limit.total_ms == 20
    assert row.frames_per_s == 2


def test_a_bound_is_met_on_its_own_side() -> None:
    assert Bound("share", 0.92, 0.92).met
    assert not Bound("share", 0.919, 0.92).met
    assert Bound("memory", 60, 60, most=True).met
    assert not Bound("memory", 60.1, 60, most=True).met


def test_the_text_names_what_was_not_met_and_what_differs() -> None:
    report = Report({"machine": "two cores"})
    report.rows.append(Row("detect", "sightline", (pair(3.0, 25.0, 35.0, 50.0),), 2))
    report.bounds += [Bound("share", 0.8, 0.92, aim=0.95), Bound("memory", 41, 60, "MB", most=True)]
    report.faults.append("frame 3: class 1 is missing")
    lines = text(report).splitlines()
    assert lines[0] == "machine: two cores"
    row = next(line for line in lines if "sightline" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["detect", "sightline", "3.00", "25.00", "", "28.00", "35.00", "0.800", "50.0", "0.88"]
    assert any("share" in line and "NOT MET" in line for line in lines)
    assert any("41 MB" in line and "at most 60 MB" in line and "NOT" not in line for line in lines)
    assert lines[-1] == "DIFFERENT: frame 3: class 1 is missing"


def test_json_has_every_ratio() -> None:
    report = Report()
    report.rows.append(Row("detect", "sightline", (pair(3.0, 25.0, 35.0, 50.0),), 2))
    plain = report.plain()
    rows = plain["rows"]
    assert isinstance(rows, list)
    assert rows[0]["share"] == pytest.approx(0.8)
    assert rows[0]["pairs"] == 1
