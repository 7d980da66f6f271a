"""Archives are unpacked whole, or refused with nothing outside their folder: escapes, links, bombs, damage."""

from __future__ import annotations

import contextlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sightline.errors import ModelError
from sightline.models.archives import is_archive, unpack

GOOD = {"model.onnx": b"weights" * 100, "labels.txt": b"a\nb\n"}


def zipped(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, members: Mapping[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def held(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_every_kind_of_archive_gives_its_files(tmp_path: Path) -> None:
    made = [zipped(tmp_path / "a.zip", GOOD)]
    # some published archives are plain tar whatever their name says
    made += [tarred(tmp_path / f"a.{mode[2:] or 'xz'}", GOOD, mode) for mode in ("w:gz", "w:bz2", "w:xz", "w")]
    for i, path in enumerate(made):
        assert is_archive(path), path
        assert held(unpack(path, tmp_path / f"out{i}")) == GOOD


def test_one_folder_at_the_top_is_gone_into_and_leavings_are_left(tmp_path: Path) -> None:
    members = {f"person/{name}": data for name, data in GOOD.items()}
    members |= {"__MACOSX/person/._model.onnx": b"x", "person/.DS_Store": b"x"}
    folder = unpack(zipped(tmp_path / "a.zip", members), tmp_path / "out")
    assert folder.name == "person"
    assert held(folder) == GOOD


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/tmp/x", "..\\x", "C:/x", "C:\\x", "a/" + "n" * 300, "./../x"])
@pytest.mark.parametrize("write", [zipped, tarred])
def test_no_member_leaves_the_folder(tmp_path: Path, name: str, write: object) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    path = write(inside / "a.archive", {**GOOD, name: b"escaped"})  # type: ignore[operator]
    before = held(tmp_path)
    with pytest.raises(ModelError, match="refused: its member"):
        unpack(path, inside / "deep" / "out")
    after = {k: v for k, v in held(tmp_path).items() if not k.startswith("in/deep/out/")}
    assert after == before


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        info = tarfile.TarInfo("model.onnx")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(ModelError, match="link or a device"):
        unpack(tmp_path / "a.tar", tmp_path / "out")


def test_a_link_in_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("model.onnx")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ModelError, match="link or a device"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_bombs_are_refused_before_they_unpack(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("m.onnx", "w") as member:
        for _ in range(80):
            member.write(bytes(1 << 20))
    with pytest.raises(ModelError, match="unpacks to"):
        unpack(path, tmp_path / "out")
    assert not held(tmp_path / "out")
    tarred(tmp_path / "b.tar.xz", {"m.onnx": bytes(80 << 20)}, "w:xz")
    with pytest.raises(ModelError, match="unpacks to"):
        unpack(tmp_path / "b.tar.xz", tmp_path / "out2")


def test_a_member_that_lies_about_its_size(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"m.onnx": bytes(70 << 20)})
    data = path.read_bytes()
    true = (70 << 20).to_bytes(4, "little")
    assert data.count(true) == 2
    path.write_bytes(data.replace(true, (1000).to_bytes(4, "little")))
    with pytest.raises(ModelError):
        unpack(path, tmp_path / "out")


def test_twice_the_same_name_and_nothing_at_all(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for data in (b"one", b"two"):
            info = tarfile.TarInfo("m.onnx")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    with pytest.raises(ModelError, match="twice"):
        unpack(tmp_path / "a.tar", tmp_path / "out")
    with pytest.raises(ModelError, match="no file"):
        unpack(zipped(tmp_path / "empty.zip", {}), tmp_path / "out2")


@pytest.mark.parametrize("part", [0.3, 0.7, 0.98])
@pytest.mark.parametrize("mode", ["zip", "w:xz", "w:gz", "w:bz2", "w"])
def test_what_is_cut_short_is_said_to_be_damaged(tmp_path: Path, part: float, mode: str) -> None:
    members = {f"m{i}": bytes(range(256)) * 40 for i in range(5)}
    path = zipped(tmp_path / "a", members) if mode == "zip" else tarred(tmp_path / "a", members, mode)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    if (mode, part) == ("w", 0.98):  # nothing but the zeros at the end of a tar is gone
        assert held(unpack(path, tmp_path / "out")) == members
        return
    with pytest.raises(ModelError, match="damaged"):
        unpack(path, tmp_path / "out")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["zip", "w:xz", "w:gz", "w"]), st.data())
def test_damaged_bytes_give_files_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    path = zipped(folder / "a", GOOD) if kind == "zip" else tarred(folder / "a", GOOD, kind)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    with contextlib.suppress(ModelError):
        unpack(path, folder / "out")
    assert {p.name for p in folder.iterdir()} <= {"a", "out"}
