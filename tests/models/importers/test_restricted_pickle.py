"""A pickle is read as data: what is data comes back, what is code is refused by name, whatever the bytes."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.errors import ModelError
from sightline.models.importers.checkpoint_origin import find_class
from sightline.models.importers.restricted_pickle import Shell, Symbol, read_pickle

Plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


def load(data: bytes) -> object:
    return read_pickle(io.BytesIO(data), lambda m, n: find_class("x.pt", m, n), lambda identity: identity, "x.pt")


@given(value=Plain, protocol=st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_plain_values_come_back_in_every_protocol(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    assert load(data) == value


class Hostile:
    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


def hostile(flag: Path) -> list[tuple[str, object]]:
    return [
        ("posix.system", Hostile(os.system, f"touch {flag}")),
        ("builtins.exec", Hostile(exec, f"open({str(flag)!r}, 'w')")),
        ("builtins.eval", Hostile(eval, f"open({str(flag)!r}, 'w')")),
        ("io.open", Hostile(open, str(flag), "w")),
        ("builtins.__import__", Hostile(__import__, "os")),
    ]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("case", range(5))
def test_code_is_refused_by_its_name_and_not_run(tmp_path: Path, case: int, protocol: int) -> None:
    flag = tmp_path / "ran"
    name, value = hostile(flag)[case]
    data = pickle.dumps({"model": value, "epoch": 1}, protocol)
    with pytest.raises(ModelError, match="refused: its pickle names") as raised:
        load(data)
    assert name.rpartition(".")[2] in str(raised.value)
    assert not flag.exists()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"cbuiltins\ngetattr\n(cbuiltins\ndict\nX\x06\x00\x00\x00__or__tR.", "no attribute __or__"),
        (b"cbuiltins\ngetattr\n(cposix\nsystem\n.", "refused"),
        (b"cbuiltins\ngetattr\ncbuiltins\ngetattr\n\x86R.", "missing on the stack"),
        (b"(lp0\nI1\nR.", "is called"),
        (b"X\x01\x00\x00\x00a)R.", "a str is called"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x02K\x03tR.", "does not take"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n(NK\x00))tR.", "without its storage"),
        (b"ccollections\nOrderedDict\n(K\x01tR.", "pairs"),
        (b"ctorch\nSize\n(K\x01tR.", "no row"),
        (b"\x82\x01.", "EXT1"),
        (b"\x97.", "NEXT_BUFFER"),
        (b"}(]K\x01u.", "used as a key"),
        (b"]K\x01K\x02s.", "no dictionary"),
        (b"K\x01K\x02a.", "no list"),
        (b"h\x05.", "not a pickle"),
        (b".", "missing on the stack"),
        (b"t.", "mark is missing"),
        (b"0", "not a pickle"),
        (b"", "not a pickle"),
    ],
)
def test_misuse_is_refused_with_its_reason(data: bytes, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        load(data)


def test_a_key_that_takes_for_ever_to_hash_is_refused() -> None:
    # t = (t, t) sixty times over: 2**60 leaves
    data = b")" + b"2\x86" * 60 + b"q\x000}(h\x00K\x01u."
    with pytest.raises(ModelError, match="used as a key"):
        load(data)


def test_cycles_are_harmless() -> None:
    made = load(b"]q\x00(h\x00e.")
    assert isinstance(made, list)
    assert made[0] is made


def test_memory_stays_bounded() -> None:
    tracemalloc.start()
    try:
        for data in (b"\x8d" + b"\xff" * 7 + b"\x00.", b"\x96" + b"\xff" * 7 + b"\x00.", b"K\x01r\xff\xff\xff\x7f."):
            with contextlib.suppress(ModelError):
                load(data)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_the_classes_of_layers_are_shells() -> None:
    made = load(b"cmodels.common\nConv\n)R}X\x01\x00\x00\x00aK\x05sb.")
    assert isinstance(made, Shell)
    assert (made.kind, made.attributes) == ("models.common.Conv", {"a": 5})


_OPCODES = b"(.012FGIJKLMNPQRSTUVXabc]delghijopqrstu}" + bytes([0x80, 0x81, 0x82, *range(0x85, 0x96)])


@given(data=st.binary(max_size=80) | st.lists(st.sampled_from(list(_OPCODES)) | st.integers(0, 4)).map(bytes))
@settings(max_examples=600, deadline=None)
def test_any_bytes_give_a_value_or_a_model_error(data: bytes) -> None:
    with contextlib.suppress(ModelError):
        read_pickle(io.BytesIO(data), lambda module, name: Symbol(f"{module}.{name}"), lambda identity: identity, "x")
