"""Galleries in three forms, and files that are none."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sightline.errors import InputError, UsageError
from sightline.heads.classify import Classify
from sightline.heads.embed import Embed
from sightline.models.gallery import Gallery, read_gallery, with_gallery, write_gallery

KNOWN = Gallery(("anna", "Žofie, née B.", "anna"), np.array([[1, 0.25], [0, -1], [0.5, 1e-3]], np.float32))


@pytest.mark.parametrize("ending", [".npz", ".json", ".csv"])
def test_what_is_written_is_read_back(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"people{ending}"
    write_gallery(KNOWN, path)
    back = read_gallery(path)
    order = sorted(range(3), key=lambda i: (back.names[i], -float(back.vectors[i, 0])))
    assert [back.names[i] for i in order] == ["anna", "anna", "Žofie, née B."]
    assert back.vectors[order].tolist() == KNOWN.vectors[[0, 2, 1]].tolist()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_name_may_have_one_vector_or_several_in_json(tmp_path: Path) -> None:
    path = tmp_path / "g.json"
    path.write_text(json.dumps({"anna": [1, 2], "ben": [[3, 4], [5, 6]]}))
    assert read_gallery(path).names == ("anna", "ben", "ben")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("g.npz", b"", "no gallery"),
        ("g.npz", b"PK\x03\x04 something else", "no gallery"),
        ("g.json", b"[1, 2]", "mapping of names"),
        ("g.json", b'{"anna": "x"}', "list of numbers"),
        ("g.json", b'{"anna": [1], "ben": [1, 2]}', "different lengths: 1, 2"),
        ("g.json", b"{}", "empty|no gallery"),
        ("g.json", b'{"anna": [NaN]}', "not finite"),
        ("g.csv", b"anna,1,two\n", "could not convert"),
        ("g.csv", b"anna\n", "expected numbers"),
        ("g.csv", b"\xff\xfe\x00", "no gallery"),
        ("g.txt", b"anna 1 2", "unknown kind of gallery '.txt'"),
    ],
)
def test_what_is_no_gallery_is_named(name: str, data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match=words) as caught:
        read_gallery(path)
    assert name in str(caught.value)


def test_arrays_of_objects_are_not_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "g.npz"
    np.savez(path, names=np.array([{"a": 1}], object), vectors=np.ones((1, 2)))
    with pytest.raises(InputError, match="no gallery"):
        read_gallery(path)


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "g.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        zeros = bytes(1 << 20)
        with archive.open("vectors.npy", "w", force_zip64=True) as out:
            for _ in range(300):
                out.write(zeros)
    with pytest.raises(InputError, match="unpacked"):
        read_gallery(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 400), st.binary(max_size=20), st.sampled_from(["npz", "json", "csv"]), st.booleans())
def test_damaged_files_raise_nothing_else(tmp_path: Path, at: int, junk: bytes, ending: str, cut: bool) -> None:
    path = tmp_path / f"g.{ending}"
    write_gallery(KNOWN, path)
    data = path.read_bytes()
    path.write_bytes(data[:at] if cut else data[:at] + junk + data[at + len(junk) :])
    try:
        found = read_gallery(path)
    except InputError:
        return
    assert len(found.names) == len(found.vectors) > 0


def test_a_head_learns_whom_its_gallery_names(tmp_path: Path) -> None:
    write_gallery(KNOWN, tmp_path / "g.npz")
    head = with_gallery(Embed(gallery="g.npz"), tmp_path)
    assert isinstance(head, Embed)
    assert repr(head) != repr(Embed(gallery="g.npz"))
    plain = Embed()
    assert with_gallery(plain, tmp_path) is plain
    other = Classify()
    assert with_gallery(other, tmp_path) is other
    with pytest.raises(UsageError, match="sightline gallery"):
        with_gallery(Embed(gallery="nobody.npz"), tmp_path)


def test_names_and_vectors_go_together() -> None:
    for names, shape in ((("a",), (2, 3)), (("a",), (1, 0)), (("a",), (1,))):
        with pytest.raises(ValueError, match="names"):
            Gallery(names, np.ones(shape, np.float32))
    with pytest.raises(UsageError, match="unknown kind"):
        write_gallery(KNOWN, Path("g.txt"))
