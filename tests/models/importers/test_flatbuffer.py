"""FlatBuffers and FlexBuffers: what is written comes back, whatever is damaged ends in one kind of error."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tflite_files import DETECTION_OPTIONS, FlatWriter, flex_map

from sightline.models.importers.flatbuffer import DamagedBuffer, Table, read_flex_map, root_table


def _sample() -> bytes:
    return FlatWriter(b"TEST").root(
        {
            0: ("i", -7),
            1: "a name",
            2: [{0: "first"}, {0: "second", 1: ("f", 0.5)}],
            4: np.array([1, 2, 3], np.int64),
            5: b"\x01\x02",
            6: {0: ("B", 200)},
        }
    )


def _read(table: Table) -> list[object]:
    inner = table.table(6)
    return [
        table.whole(0, "i"),
        table.text(1),
        [(t.text(0), t.number(1, "f")) for t in table.tables(2)],
        table.whole(3, "i", 42),
        table.wholes(4, "q"),
        bytes(table.raw(5)),
        None if inner is None else inner.whole(0, "B"),
        table.texts(9),
    ]


def test_what_is_written_comes_back() -> None:
    expected = [-7, "a name", [("first", 0.0), ("second", 0.5)], 42, (1, 2, 3), b"\x01\x02", 200, ()]
    assert _read(root_table(_sample(), b"TEST")) == expected


def test_another_identifier_is_refused() -> None:
    with pytest.raises(DamagedBuffer, match="lacks the mark TFL3"):
        root_table(_sample(), b"TFL3")


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6), st.integers(0, 400))
def test_damage_is_one_kind_of_error(changes: list[tuple[int, int]], length: int) -> None:
    data = bytearray(_sample())
    for at, value in changes:
        data[at % len(data)] = value
    with contextlib.suppress(DamagedBuffer):
        _read(root_table(bytes(data[: max(length, 1)]), b"TEST"))


def test_a_vector_longer_than_the_file_is_refused() -> None:
    data = bytearray(_sample())
    at = data.index(b"a name") - 4
    data[at : at + 4] = b"\xff\xff\xff\x7f"
    with pytest.raises(DamagedBuffer, match="ends behind its end"):
        root_table(bytes(data), b"TEST").text(1)


def test_flex_options_come_back() -> None:
    read = read_flex_map(flex_map(DETECTION_OPTIONS))
    assert read.keys() == DETECTION_OPTIONS.keys()
    for key, value in DETECTION_OPTIONS.items():
        assert read[key] == pytest.approx(value)
    assert read["use_regular_nms"] is False


@given(st.binary(max_size=80))
def test_random_flex_bytes_are_one_kind_of_error(data: bytes) -> None:
    with contextlib.suppress(DamagedBuffer):
        read_flex_map(data)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_flex_options_are_one_kind_of_error(changes: list[tuple[int, int]]) -> None:
    data = bytearray(flex_map(DETECTION_OPTIONS))
    for at, value in changes:
        data[at % len(data)] = value
    with contextlib.suppress(DamagedBuffer):
        read_flex_map(bytes(data))
