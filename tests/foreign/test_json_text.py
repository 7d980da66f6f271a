"""JSON with lines: the values of the standard library's reader, and the place of each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import ModelError
from sightline.foreign.json_text import entries_of_json, parse_json

PATH = Path("t.json")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(VALUES, st.sampled_from([None, 1, 3]))
def test_the_values_are_those_of_the_standard_library(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    assert parse_json(text, PATH).data() == json.loads(text)


def test_lines_comments_and_a_comma_too_many() -> None:
    text = '\ufeff// a remark\n{\n  "a": 1, /* two\n lines */\n\n "b": [true,\n {"c": null,},],\n # last\n}'
    root = parse_json(text, PATH)
    assert root.data() == {"a": 1, "b": [True, {"c": None}]}
    assert [root.line_of("a"), root.line_of("b")] == [3, 6]
    entries = entries_of_json(root, "t.json")
    assert [(e.line, e.group, e.key, e.value) for e in entries] == [
        (3, "", "a", "1"),
        (6, "b", "[0]", "true"),
        (7, "b[1]", "c", "null"),
    ]


def test_a_repeated_key_is_kept_and_the_last_one_counts() -> None:
    root = parse_json('{"a": 1,\n"a": "x;y"}', PATH)
    assert root.get("a") == root.members[1][2]
    assert [e.value for e in entries_of_json(root, "t")] == ["1", "x;y"]


def test_leaves_are_what_no_key_is_below() -> None:
    root = parse_json('{"p": {"c": [[0.5, 1], [2, 3]], "s": ["a", "b"], "o": [{"k": ""}], "e": {}}}', PATH)
    entries = entries_of_json(root, "t")
    assert [(e.group, e.key, e.value) for e in entries] == [
        ("p", "c", "[[0.5,1],[2,3]]"),
        ("p", "s", "a;b"),
        ("p.o[0]", "k", ""),
        ("p", "e", "{}"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 1, "a value is missing; the file ends"),
        ("{", 1, "expected a key in quotes; the file ends"),
        ('{\n"a" 1}', 2, "expected : after the key 'a'"),
        ('{"a":\n\n nope}', 3, "a value is missing before 'n'"),
        ('{"a": 1\n "b": 2}', 2, "expected a comma or }"),
        ("[1 2]", 1, "expected a comma or ]"),
        ('{"a": "x', 1, "closing quote"),
        ("{} {}", 1, "more text after its end"),
        ("[" * 100, 1, "nested deeper"),
        ("{'a': 1}", 1, "expected a key in quotes"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, why: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_json(text, PATH)
    assert str(caught.value).startswith(f"t.json:{line}: not valid JSON: ")
    assert why in str(caught.value)


@given(st.text(alphabet='{}[]":,0123456789.eE+-truefalsn\\u \n/*#', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        made = parse_json(text, PATH)
    except ModelError:
        return
    list(entries_of_json(made, "t"))
