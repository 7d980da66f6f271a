"""Run lengths of masks: as the format's own library writes them, and as a loop over every pixel counts them."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline import rle
from sightline.errors import InputError


@st.composite
def windows(draw: st.DrawFn) -> tuple[np.ndarray, int, int, int, int]:
    """A bitmap, where it lies, and the size of the picture around it."""
    width, height = draw(st.integers(1, 14)), draw(st.integers(1, 14))
    x1, x2 = sorted((draw(st.integers(0, width)), draw(st.integers(0, width))))
    y1, y2 = sorted((draw(st.integers(0, height)), draw(st.integers(0, height))))
    share = draw(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    bits = np.where(random.random((y2 - y1, x2 - x1)) < share, 128, 127).astype(np.uint8)
    return bits, x1, y1, width, height


def whole(bits: np.ndarray, left: int, top: int, width: int, height: int) -> np.ndarray:
    out = np.zeros((height, width), np.bool_)
    out[top : top + bits.shape[0], left : left + bits.shape[1]] = bits >= 128
    return out


def counted(mask: np.ndarray) -> list[int]:
    """Run lengths, pixel by pixel, down each column in turn."""
    runs, value = [0], False
    for column in mask.T:
        for pixel in column:
            if pixel != value:
                runs.append(0)
                value = not value
            runs[-1] += 1
    return runs


@given(windows())
def test_runs_are_those_of_every_pixel_in_turn(window: tuple) -> None:
    assert rle.runs_of(*window).tolist() == counted(whole(*window))


@given(windows())
def test_what_is_written_reads_back(window: tuple) -> None:
    assert (rle.decode(rle.encode(*window), *window[3:]) == whole(*window)).all()


@given(windows())
def test_the_library_of_the_format_writes_the_same(window: tuple) -> None:
    coco = pytest.importorskip("pycocotools.mask", reason="pycocotools is not installed")
    expected = coco.encode(np.asfortranarray(whole(*window).astype(np.uint8)))
    assert rle.encode(*window) == expected["counts"].decode()


def test_the_text_for_long_runs() -> None:
    # 100 = 0b11_00100: groups 4 | more, 3; the fourth run is a difference: 2 - 1 = 1; the fifth 47 - 50 = -3
    mask = np.zeros(200, np.bool_)
    mask[100:101] = mask[151:153] = True
    bits = (mask.astype(np.uint8) * 255).reshape(-1, 1)
    assert rle.runs_of(bits, 0, 0, 1, 200).tolist() == [100, 1, 50, 2, 47]
    assert rle.encode(bits, 0, 0, 1, 200) == "T31b11M"


def test_a_window_that_stands_out_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="stands out"):
        rle.encode(np.zeros((3, 3), np.uint8), 2, 0, 4, 4)


@pytest.mark.parametrize("counts", ["", "T", "é", " ", "1", "99", "0000", "o" * 40 + "0", "\\" * 12 + "?"])
def test_damaged_runs_are_refused(counts: str) -> None:
    with pytest.raises(InputError, match="mask"):
        rle.decode(counts, 4, 4)


@given(st.text(st.characters(min_codepoint=48, max_codepoint=111), max_size=30))
def test_any_text_is_read_or_refused(counts: str) -> None:
    with contextlib.suppress(InputError):
        assert rle.decode(counts, 5, 4).shape == (4, 5)


def test_a_size_that_nobody_has_is_refused() -> None:
    with pytest.raises(InputError, match="pixels"):
        rle.decode("0", 1 << 20, 1 << 20)
