"""Pictures have the pixels of cv2.imread, stand upright, and the broken ones among many are named, not lost."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from sightline.errors import InputError
from sightline.protocols import Source
from sightline.sources.stills import StillsSource, looks_like_picture, read_picture
from sightline.types import PixelLayout

ASSETS = os.environ.get("SIGHTLINE_ASSETS")
RNG = np.random.default_rng(5)
RGB = cv2.resize(RNG.integers(0, 256, (6, 8, 3), np.uint8), (80, 60))


@pytest.mark.parametrize("ending", ["jpg", "png", "bmp", "webp", "tiff", "ppm", "gif", "jp2"])
def test_pixels_are_those_of_imread(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"picture.{ending}"
    assert cv2.imwrite(str(path), RGB[..., ::-1])
    reference = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert reference is not None
    assert np.array_equal(read_picture(path), reference[..., ::-1])
    if ending in ("png", "bmp", "ppm", "tiff"):
        assert np.array_equal(read_picture(path), RGB)


def test_deep_grey_and_alpha_are_as_imread_has_them(tmp_path: Path) -> None:
    grey16 = tmp_path / "deep.png"
    cv2.imwrite(str(grey16), np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16)
    alpha = tmp_path / "alpha.png"
    cv2.imwrite(str(alpha), np.dstack([RGB, np.full(RGB.shape[:2], 9, np.uint8)]))
    cmyk = tmp_path / "print.jpg"
    Image.fromarray(RGB).convert("CMYK").save(cmyk)
    for path in (grey16, alpha, cmyk):
        reference = cv2.imread(str(path), cv2.IMREAD_COLOR)
        assert reference is not None
        assert np.array_equal(read_picture(path), reference[..., ::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turn_is_applied_once(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(RGB).save(path, exif=exif, quality=95)
    turns = {1: 0, 2: 0, 3: 2, 4: 2, 5: 3, 6: 1, 7: 1, 8: 3}[orientation]  # clockwise, after a mirror
    with Image.open(path) as image:
        coded = np.asarray(image)
    expected = np.rot90(coded[:, ::-1] if orientation in (2, 4, 5, 7) else coded, -turns)
    got = read_picture(path)
    assert got.shape == expected.shape
    assert np.abs(got.astype(int) - expected).max() <= 3  # two JPEG decoders


def test_a_kind_that_only_pillow_reads(tmp_path: Path) -> None:
    path = tmp_path / "icon.tga"
    Image.fromarray(RGB).save(path)
    assert np.array_equal(read_picture(path), RGB)


def test_frames_of_pictures(tmp_path: Path) -> None:
    paths = []
    for i, wh in enumerate([(40, 30), (64, 20)]):
        paths.append(tmp_path / f"{i}.png")
        cv2.imwrite(str(paths[-1]), cv2.resize(RGB, wh))
    source = StillsSource(paths, "album")
    assert isinstance(source, Source)
    assert not source.live
    frames = list(source.frames())
    assert [(f.index, f.width, f.height, f.name) for f in frames] == [(0, 40, 30, "0.png"), (1, 64, 20, "1.png")]
    assert [f.name for f in frames] == [path.name for path in paths]
    for frame in frames:
        assert frame.picture is not None
        assert frame.picture.layout is PixelLayout.RGB
        assert frame.picture.full_range
        assert frame.picture.upright_wh == (frame.width, frame.height)
        assert (frame.at.pts, frame.at.seconds) == (None, None)
        assert (frame.stream.id, frame.stream.still, frame.stream.timed) == ("album", True, False)


def broken(folder: Path) -> list[Path]:
    """An empty, a text, a cut PNG, a cut JPEG and a missing picture."""
    whole = {ending: cv2.imencode(f".{ending}", RNG.integers(0, 256, (90, 90, 3), np.uint8))[1].tobytes()
             for ending in ("png", "jpg")}  # fmt: skip
    contents = {"empty.png": b"", "text.jpg": b"no picture"}
    contents |= {"cut.png": whole["png"][:5000], "cut.jpg": whole["jpg"][:3000]}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [*(folder / name for name in contents), folder / "missing.jpg"]


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    for path in broken(tmp_path):
        with pytest.raises(InputError, match=path.name) as caught:
            list(StillsSource([path]).frames())
        assert caught.value.exit_code == 2
        assert "\n" not in str(caught.value)


def test_a_broken_one_of_many_is_reported_and_the_others_are_seen(tmp_path: Path) -> None:
    good = tmp_path / "good.png"
    cv2.imwrite(str(good), RGB)
    bad = broken(tmp_path)
    source = StillsSource([*bad[:2], good, *bad[2:], good])
    frames = list(source.frames())
    assert [f.index for f in frames] == [0, 1]
    assert [path for path, _ in source.failed] == bad
    assert all(path.name in reason for path, reason in source.failed)
    with pytest.raises(InputError, match="none of 2 pictures"):
        list(StillsSource(bad[:2]).frames())


def test_loop_limit_and_stop(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    cv2.imwrite(str(path), RGB)
    frames = list(StillsSource([path], loop=True, max_frames=3).frames())
    assert [(f.index, f.at.epoch) for f in frames] == [(0, 0), (1, 1), (2, 2)]
    source = StillsSource([path], loop=True)
    walk = source.frames()
    next(walk)
    source.stop()
    assert list(walk) == []


def test_pictures_are_known_by_content_first(tmp_path: Path) -> None:
    jpeg = cv2.imencode(".jpg", RGB)[1].tobytes()
    still = [Image.fromarray(RGB)]
    moving = [Image.fromarray(RGB), Image.fromarray(RGB[::-1].copy())]
    for name, pictures in (("still.gif", still), ("moving.gif", moving)):
        for kind in (".gif", ".avif"):
            into = (tmp_path / name).with_suffix(kind)
            pictures[0].save(into, save_all=True, append_images=pictures[1:], duration=40)
    for name, content in {"a.mp4": jpeg, "b.mjpeg": jpeg, "c.jpg": b"", "d.txt": b"hello", "e.jpg": jpeg}.items():
        (tmp_path / name).write_bytes(content)
    found = {name: looks_like_picture(tmp_path / name)
             for name in ("a.mp4", "b.mjpeg", "c.jpg", "d.txt", "e.jpg", "still.gif", "moving.gif", "still.avif",
                          "moving.avif")}  # fmt: skip
    assert found == {
        "a.mp4": True, "b.mjpeg": False, "c.jpg": True, "d.txt": False, "e.jpg": True, "still.gif": True,
        "moving.gif": False, "still.avif": True, "moving.avif": False,
    }  # fmt: skip


@pytest.mark.skipif(ASSETS is None, reason="SIGHTLINE_ASSETS is not set")
def test_real_pictures_equal_imread() -> None:
    folder = Path(ASSETS or "") / "pictures"
    paths = [p for p in sorted(folder.iterdir()) if looks_like_picture(p)]
    assert len(paths) > 20
    for path in paths:
        reference = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if reference is None:
            with pytest.raises(InputError, match=path.name):
                read_picture(path)
        else:
            assert np.array_equal(read_picture(path), reference[..., ::-1]), path.name
