"""Zips of models by path and by address, with one top folder or none."""

from __future__ import annotations

import http.server
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sightline.models.packages import fetch_packages


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def make_zip(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


def as_it_is(text: str) -> str:
    return text


@pytest.mark.parametrize("written", ["p.zip", "file://{}/p.zip", "{}/p.zip"])
@pytest.mark.parametrize(
    "names",
    [
        ("top/cfg.txt", "top/sub/m.onnx", "__MACOSX/top/._cfg.txt", ".DS_Store", "top/.DS_Store"),
        ("cfg.txt", "sub/m.onnx", "__MACOSX/._cfg.txt"),
    ],
)
def test_one_top_folder_or_none(names: tuple[str, ...], written: str, tmp_path: Path) -> None:
    make_zip(tmp_path / "p.zip", *names)
    text = written.format(tmp_path)
    found = fetch_packages([text], as_it_is, tmp_path)
    assert not found.lost
    folder = found.folders[text]
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()) == [
        "cfg.txt",
        "sub/m.onnx",
    ]


def test_it_is_unpacked_once_and_anew_when_it_changed(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "p.zip", "a.txt")
    first = fetch_packages(["p.zip"], as_it_is, tmp_path).folders["p.zip"]
    assert fetch_packages(["p.zip"], as_it_is, tmp_path).folders["p.zip"] == first
    make_zip(path, "b.txt")
    second = fetch_packages(["p.zip"], as_it_is, tmp_path).folders["p.zip"]
    assert second != first
    assert (second / "b.txt").is_file()


def test_a_folder_stands_for_its_zip(tmp_path: Path) -> None:
    (tmp_path / "unpacked").mkdir()
    found = fetch_packages(["https://h/p.zip"], lambda text: str(tmp_path / "unpacked"), tmp_path)
    assert found.folders == {"https://h/p.zip": tmp_path / "unpacked"}


@pytest.mark.parametrize(
    ("names", "why"),
    [(("../out.txt",), "outside the folder"), (("/abs.txt",), "outside the folder"), ((), "no file")],
)
def test_a_hostile_or_empty_zip_is_told_and_the_others_are_unpacked(
    names: tuple[str, ...], why: str, tmp_path: Path
) -> None:
    make_zip(tmp_path / "bad.zip", *names)
    make_zip(tmp_path / "good.zip", "a.txt")
    found = fetch_packages(["bad.zip", "good.zip"], as_it_is, tmp_path)
    assert list(found.folders) == ["good.zip"]
    assert why in found.lost["bad.zip"]
    assert not (tmp_path.parent / "out.txt").exists()
    assert not (tmp_path / "out.txt").exists()


def test_what_is_missing_and_what_is_none(tmp_path: Path) -> None:
    (tmp_path / "page.zip").write_text("<html>not here</html>")
    (tmp_path / "cut.zip").write_bytes(make_zip(tmp_path / "p.zip", "a.txt").read_bytes()[:40])
    found = fetch_packages(["gone.zip", "page.zip", "cut.zip"], as_it_is, tmp_path)
    assert not found.folders
    assert "no such zip" in found.lost["gone.zip"]
    assert "--map" in found.lost["gone.zip"]
    assert "a page of text" in found.lost["page.zip"]
    assert "damaged" in found.lost["cut.zip"]


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    make_zip(tmp_path / "p.zip", "top/a.txt")
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0),
        lambda *a: _Handler(*a, directory=str(tmp_path)),  # type: ignore[misc]
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_by_address_and_its_query_is_never_told(served: str, tmp_path: Path) -> None:
    good, bad = f"{served}/p.zip?sig=S3CRET", f"{served}/gone.zip?sig=S3CRET"
    found = fetch_packages([good, bad], as_it_is, tmp_path)
    assert (found.folders[good] / "a.txt").is_file()
    assert "404" in found.lost[bad]
    assert "S3CRET" not in found.lost[bad]
