"""Dictionaries of text readers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sightline.errors import ModelError
from sightline.models.characters import fitting_characters, parse_characters, read_characters, stated_characters
from sightline.models.labels import LabelTable


def test_one_symbol_a_line_and_the_space_is_a_symbol() -> None:
    assert parse_characters("a\nb\n \n,\n'\n", "f").names == ("a", "b", " ", ",", "'")
    assert parse_characters("\ufeffa\r\nb\r\n", "f").names == ("a", "b")
    assert parse_characters("a\n\u3000\nb", "f").names == ("a", "\u3000", "b")


def test_all_symbols_in_one_line() -> None:
    assert parse_characters("0123456789", "f").names == tuple("0123456789")
    assert parse_characters("ab\n", "f").names == ("ab",)
    assert parse_characters("", "f").names == ()


def test_dictionaries_in_a_configuration_and_in_metadata(tmp_path: Path) -> None:
    path = tmp_path / "inference.yml"
    path.write_text("PostProcess:\n  character_dict:\n  - a\n  - '1'\n  - ' '\n")
    assert read_characters(path).names == ("a", "1", " ")
    assert stated_characters({"character": "x\ny\n"})[0].names == ("x", "y")
    assert stated_characters({"other": "x"}) == ()


def test_a_table_fits_with_the_blank_and_perhaps_a_space() -> None:
    tables = [LabelTable(tuple("ab")), LabelTable(tuple("abcd"))]
    for classes, expected in ((2, "ab"), (4, "ab"), (5, "abcd"), (6, "abcd")):
        found = fitting_characters(tables, classes)
        assert found is not None
        assert "".join(found.names) == expected
    assert fitting_characters(tables, 9) is None
    assert fitting_characters(tables, None) is tables[0]


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.txt: the dictionary cannot be read"):
        read_characters(tmp_path / "none.txt")
    path = tmp_path / "dict.txt"
    path.write_bytes("a\nb\n".encode("utf-16"))
    with pytest.raises(ModelError, match="save it as UTF-8"):
        read_characters(path)
    path.write_bytes(b"a\n" * (3 << 20))
    with pytest.raises(ModelError, match="no dictionary"):
        read_characters(path)
    yml = tmp_path / "a.yml"
    yml.write_text("a: [")
    with pytest.raises(ModelError, match="not YAML"):
        read_characters(yml)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from(["d.txt", "d.yml"]))
def test_any_bytes_are_symbols_or_a_model_error(tmp_path: Path, data: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    try:
        table = read_characters(path)
    except ModelError:
        return
    assert all(isinstance(symbol, str) for symbol in table.names)
