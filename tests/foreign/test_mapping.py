"""What a file from elsewhere names -> what the user has."""

from __future__ import annotations

from pathlib import Path

import pytest

from sightline.errors import UsageError
from sightline.foreign.mapping import NOTHING, Mapping


def test_nothing_is_mapped_without_pairs() -> None:
    for text in ("", "/opt/nvidia/deepstream/deepstream/a.mp4", "rtsp://u:p@h/a", "a b"):
        assert NOTHING.of(text) == text


@pytest.mark.parametrize(
    ("words", "text", "gives"),
    [
        (["https://old/model.zip=local.zip"], "https://old/model.zip", "local.zip"),
        (["https://old/model.zip=local.zip"], "https://old/model.zip?sv=1&sig=abc", "local.zip"),
        (["https://old/m.zip?sv=1&sig=ab%3D=local.zip"], "https://old/m.zip?sv=1&sig=ab%3D", "local.zip"),
        (["https://old/=https://new/"], "https://old/a/b.zip?sig=1", "https://new/a/b.zip?sig=1"),
        (["rtsp://rtspsim:554/media/=videos"], "rtsp://rtspsim:554/media/a.mkv", "videos/a.mkv"),
        (["rtsp://rtspsim:554/media=videos/"], "rtsp://rtspsim:554/media/a.mkv", "videos/a.mkv"),
        (["rtsp://s/=v/", "rtsp://s/a.mkv=one.mp4"], "rtsp://s/a.mkv", "one.mp4"),
        (["rtsp://s/a.mkv=one.mp4", "rtsp://s/=v/"], "rtsp://s/b.mkv", "v/b.mkv"),
        (["a=b"], "ab/c", "ab/c"),
        (["a=b"], "a/c", "b/c"),
        (["../../models=/m"], "../../models/x/y.onnx", "/m/x/y.onnx"),
        (["x=y=z"], "x", "y=z"),
        (["/dev/video0=clip.mp4"], "/dev/video0", "clip.mp4"),
    ],
)
def test_the_longest_beginning_that_fits_wins(words: list[str], text: str, gives: str) -> None:
    assert Mapping.parsed(words).of(text) == gives


@pytest.mark.parametrize(
    ("text", "gives"),
    [
        ("/opt/nvidia/deepstream/deepstream/samples/a.mp4", "/here/samples/a.mp4"),
        ("/opt/nvidia/deepstream/deepstream-6.1/samples/a.mp4", "/here/samples/a.mp4"),
        ("file:///opt/nvidia/deepstream/deepstream-6.1.1/a.mp4", "/here/a.mp4"),
        ("/opt/nvidia/deepstream/deepstream", "/here"),
        ("/opt/nvidia/deepstream/deepstreams/a", "/opt/nvidia/deepstream/deepstreams/a"),
        ("x/opt/nvidia/deepstream/deepstream/a", "x/opt/nvidia/deepstream/deepstream/a"),
    ],
)
def test_the_root_stands_for_the_installation(text: str, gives: str) -> None:
    assert Mapping(root="/here").of(text) == gives


def test_a_pair_goes_before_the_root() -> None:
    mapping = Mapping.parsed(["/opt/nvidia/deepstream/deepstream/samples/=mine/"], root="/here")
    assert mapping.of("/opt/nvidia/deepstream/deepstream/samples/a.mp4") == "mine/a.mp4"
    assert mapping.of("/opt/nvidia/deepstream/deepstream/b.mp4") == "/here/b.mp4"
    assert mapping.maps("/opt/nvidia/deepstream/deepstream/samples/a.mp4")
    assert not mapping.maps("/opt/nvidia/deepstream/deepstream/b.mp4")


def test_home_is_the_users() -> None:
    assert Mapping.parsed(["a=~/x"]).of("a") == str(Path.home() / "x")


@pytest.mark.parametrize("word", ["", "a", "=b", "a=", "a= "])
def test_a_word_that_is_no_pair(word: str) -> None:
    with pytest.raises(UsageError, match="OLD=NEW"):
        Mapping.parsed([word])


def test_an_old_mapped_twice() -> None:
    with pytest.raises(UsageError, match="twice"):
        Mapping.parsed(["a=b", "a=c"])
    assert Mapping.parsed(["a=b", "a=b"]).pairs == (("a", "b"),)
