"""Colours: the palette, "#rrggbb", and the way to Y'CbCr and back."""

import itertools

import av
import numpy as np
import pytest

from sightline.errors import UsageError
from sightline.overlays.colors import BLACK, PALETTE, WHITE, parse, readable_on, to_yuv
from sightline.types import ColorMatrix


def test_hex() -> None:
    assert parse("#ff8001") == (255, 128, 1)
    assert parse(" 0A0b0C ") == (10, 11, 12)
    for bad in ("", "#fff", "red", "#12345g", "#1234567"):
        with pytest.raises(UsageError, match="rrggbb"):
            parse(bad)


@pytest.mark.parametrize("matrix", list(ColorMatrix))
@pytest.mark.parametrize("full", [False, True])
def test_ffmpeg_reads_the_colour_back(matrix: ColorMatrix, full: bool) -> None:
    codes = {ColorMatrix.BT601: 5, ColorMatrix.BT709: 1, ColorMatrix.BT2020: 9}
    for rgb in (*PALETTE, WHITE, BLACK, (255, 0, 0), (0, 255, 0), (0, 0, 255)):
        frame = av.VideoFrame(16, 16, "yuv444p")
        for plane, value in zip(frame.planes, to_yuv(rgb, matrix, full), strict=True):
            np.frombuffer(memoryview(plane), np.uint8)[:] = value
        shown = frame.reformat(
            format="rgb24", src_colorspace=codes[matrix], src_color_range=2 if full else 1, dst_color_range=2
        ).to_ndarray()
        assert np.abs(shown[8, 8].astype(int) - rgb).max() <= 4, (rgb, shown[8, 8])


def test_neighbours_in_the_palette_differ() -> None:
    assert len(set(PALETTE)) == len(PALETTE)
    for a, b in itertools.combinations(PALETTE[:6], 2):
        assert sum(abs(x - y) for x, y in zip(a, b, strict=True)) > 130


def test_text_is_readable() -> None:
    assert readable_on(WHITE) == BLACK
    assert readable_on(BLACK) == WHITE
    for color in PALETTE:
        back, text = (0.299 * r + 0.587 * g + 0.114 * b for r, g, b in (color, readable_on(color)))
        assert abs(back - text) > 100
