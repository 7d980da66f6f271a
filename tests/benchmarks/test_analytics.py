"""The measure of the rules measures every kind, and all of them see something."""

import pytest

from benchmarks.analytics import cost_ms, main, rules, scene
from sightline.plugins import known

RESULTS = scene(12, 60)


def test_every_kind_is_measured() -> None:
    assert sorted(rules(1, 1)) == sorted(known("analytic"))


@pytest.mark.parametrize("kind", ["zone", "line", "roi", "crowd", "direction", "objects"])
def test_rules_see_something(kind: str) -> None:
    reports = [part.update(result) for part in rules(10, 10)[kind]() for result in RESULTS]
    assert any(sum(n.values()) for report in reports for n in report.counts.values())


def test_it_prints_a_line_a_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert cost_ms(rules(2, 2)["zone"](), RESULTS) > 0
    main(["--objects", "5", "--zones", "2", "--lines", "2", "--frames", "20"])
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("5 objects, 2 zones, 2 lines")
    assert len(said) == 12
