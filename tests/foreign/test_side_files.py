"""Side files of DeepStream: every key that is called honoured or translated changes what is made of its file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from side_formats import FORMATS

from sightline.foreign.fates import Rules
from sightline.foreign.side_kinds import SIDE_KINDS
from sightline.foreign.side_reasons import SIDE_REASONS

COUNTING = [
    (name, group, key)
    for name, one in FORMATS.items()
    for group, table in one.tables.items()
    for key in table
    if table[key].status in ("honoured", "translated")
]


@pytest.mark.parametrize(("name", "group", "key"), COUNTING)
def test_every_key_that_counts_changes_what_is_made(name: str, group: str, key: str) -> None:
    one = FORMATS[name]
    assert (group, key) in one.cases, f"{name}: [{group}] {key} is called {one.tables[group][key].status}: two values?"
    case = one.cases[group, key]
    place = one.place(group, key)
    # what stands in the way of the case is taken out: the same line said otherwise
    said = {at: value for at, value in one.base.items() if not (key.endswith("*") and at == place)}
    said |= case[2] if len(case) == 3 else {}
    made = [one.made(one.form({**said, place: value})) for value in case[:2]]
    assert made[0] != made[1]


def test_no_case_is_for_a_key_that_counts_for_nothing() -> None:
    for name, one in FORMATS.items():
        for group, key in one.cases:
            assert one.tables[group][key].status in ("honoured", "translated"), (name, group, key)


def test_every_reason_is_used() -> None:
    whole = Path(__file__).parents[2] / "src" / "sightline" / "foreign"
    texts = "".join(path.read_text("utf-8") for path in whole.glob("*.py") if path.name != "side_reasons.py")
    for reason in SIDE_REASONS:
        assert re.search(rf'passed\(\s*"{reason}"', texts), f"no key is passed over because of {reason!r}"


@pytest.mark.parametrize("name", list(SIDE_KINDS))
def test_every_table_says_what_and_why(name: str) -> None:
    rules = SIDE_KINDS[name].rules
    assert isinstance(rules, Rules)
    for group in rules.groups:
        table = rules.of_group(group)
        assert table is not None, group
        for key in table:
            known = table[key]
            assert known.status != "unknown"
            assert known.as_ or known.why, f"[{group}] {key}"
