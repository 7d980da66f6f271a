"""Names on a command line become streams with ids that can be told apart."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import InputError
from sightline.sources.addresses import address_of, likely_live, name_of
from sightline.sources.inputs import StreamInput, build_source, expand, unique_ids
from sightline.sources.media import MediaSource
from sightline.sources.stills import StillsSource


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, two videos (by name), a text and a hidden picture."""
    here = tmp_path / "inputs"
    here.mkdir()
    png = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
    for name in ("p10.png", "p2.PNG", ".hidden.png"):
        (here / name).write_bytes(png)
    for name in ("b.mp4", "a.mkv", "notes.txt"):
        (here / name).write_bytes(b"x")
    return here


def test_files_are_media_or_stills(folder: Path) -> None:
    video, picture = expand([str(folder / "b.mp4"), str(folder / "p10.png")])
    assert video == StreamInput("b.mp4", str(folder / "b.mp4"), "media", (folder / "b.mp4",))
    assert (picture.id, picture.kind, picture.paths) == ("p10.png", "stills", (folder / "p10.png",))


def test_a_picture_named_like_a_video_is_a_picture(folder: Path) -> None:
    path = folder / "b.mp4"
    path.write_bytes((folder / "p10.png").read_bytes())
    assert expand([str(path)])[0].kind == "stills"


def test_a_folder_is_one_album_and_its_videos(folder: Path) -> None:
    album, first, second = expand([str(folder)])
    assert (album.id, album.kind) == ("inputs", "stills")
    assert [p.name for p in album.paths] == ["p2.PNG", "p10.png"]  # 2 before 10
    assert [first.id, second.id] == ["a.mkv", "b.mp4"]
    assert first.kind == second.kind == "media"


def test_globs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [s.id for s in expand([str(folder / "*.m*")])] == ["a.mkv", "b.mp4"]
    album = expand([str(folder / "p*")])[0]
    assert (album.id, len(album.paths)) == ("inputs", 2)
    monkeypatch.chdir(folder)
    assert [s.id for s in expand(["p*.png"])] == ["inputs"]
    with pytest.raises(InputError, match="no picture or video"):
        expand([str(folder / "*.webm")])
    odd = folder / "clip[1].mp4"  # a file that exists is no pattern
    odd.write_bytes(b"x")
    assert expand([str(odd)])[0].id == "clip[1].mp4"


def test_empty_folder_and_missing_file_say_so(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="no picture or video in this folder"):
        expand([str(tmp_path)])
    with pytest.raises(InputError, match=r"bb\.mp4: there is no such file; did you mean b\.mp4"):
        expand([str(folder / "bb.mp4")])
    with pytest.raises(InputError, match=r"nor such a folder"):
        expand([str(folder / "nowhere" / "b.mp4")])
    with pytest.raises(InputError, match=r"/dev/video987"):
        expand(["/dev/video987"])


def test_repeats_are_numbered(folder: Path) -> None:
    path = str(folder / "b.mp4")
    assert [s.id for s in expand([path, path, "http://h/b.mp4", str(folder / "a.mkv")])] == [
        "b.mp4",
        "b.mp4#2",
        "b.mp4#3",
        "a.mkv",
    ]


@given(st.lists(st.sampled_from(["a", "a#2", "a#3", "b", "b#2"]), max_size=12))
def test_ids_never_repeat(names: list[str]) -> None:
    ids = [s.id for s in unique_ids(StreamInput(n, n, "media") for n in names)]
    assert len(set(ids)) == len(ids) == len(names)
    assert all(i.startswith(n) for i, n in zip(ids, names, strict=True))


@pytest.mark.parametrize(
    ("url", "name", "live"),
    [
        ("rtsp://user:pw@host/path/cam1", "cam1", True),
        ("rtsp://user:pw@host:554", "host", True),
        ("rtsp://user:p@w@host:8554/", "host", True),
        ("rtsp://host/cam/realmonitor?channel=1&password=pw", "realmonitor", True),
        ("rtmp://host/live/street", "street", True),
        ("udp://239.1.2.3:1234", "239.1.2.3", True),
        ("http://host/a/clip.mp4?token=pw", "clip.mp4", False),
        ("http://host:8080/video", "video", True),
        ("https://host/live/index.m3u8", "index.m3u8", True),
        ("file:///tmp/some%20clip.mp4", "some clip.mp4", False),
        ("videos/clip.mp4", "clip.mp4", False),
        ("device:0", "video0", True),
    ],
)
def test_names_of_addresses(url: str, name: str, live: bool) -> None:
    assert name_of(url) == name
    assert likely_live(url) is live
    assert "pw" not in name_of(url) + address_of(url)
    assert "p@w" not in address_of(url)


def test_scenes_are_only_named_here() -> None:
    scene = expand(["synthetic://street?seed=1"])[0]
    assert scene == StreamInput("street", "synthetic://street?seed=1", "synthetic")
    with pytest.raises(ValueError, match="synthetic"):
        build_source(scene)


def test_sources_carry_the_id_and_the_options(folder: Path) -> None:
    video, again, album = expand([str(folder / "b.mp4"), str(folder / "b.mp4"), str(folder / "p*")])
    source = build_source(again, stream=3, loop=True, duration_s=2.0, max_frames=5, connect_timeout_s=1.0)
    assert isinstance(source, MediaSource)
    assert (source.id, source.stream, source.loop, source.duration_s) == ("b.mp4#2", 3, True, 2.0)
    assert (source.max_frames, source.connect_timeout_s) == (5, 1.0)
    stills = build_source(album, max_frames=1)
    assert isinstance(stills, StillsSource)
    assert len(list(stills.frames())) == 1
    assert build_source(video).id == "b.mp4"
