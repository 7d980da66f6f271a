"""A few frames that differ, out of many that do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from sightline.sources.diverse import diverse_frames
from sightline.testing import MovingBoxes
from sightline.types import Frame, Picture, PixelLayout


def frames(levels: Sequence[int], layout: PixelLayout) -> Iterator[Frame]:
    template = next(iter(MovingBoxes(count=1).frames()))
    for index, level in enumerate(levels):
        if layout is PixelLayout.RGB:
            picture = Picture((np.full((20, 30, 3), level, np.uint8),), layout)
        else:
            chroma = np.full((10, 15), 128, np.uint8)
            picture = Picture((np.full((20, 30), level, np.uint8), chroma, chroma), layout)
        yield replace(template, index=index, picture=picture)


@pytest.mark.parametrize("layout", [PixelLayout.RGB, PixelLayout.I420])
def test_every_scene_is_seen_and_copies_are_not(layout: PixelLayout) -> None:
    levels = [10] * 50 + [200] * 3 + [10] * 40 + [90] + [11] * 5
    chosen = diverse_frames(lambda: frames(levels, layout), 3)
    assert [levels[f.index] for f in chosen] == [10, 200, 90] or {levels[f.index] for f in chosen} == {11, 200, 90}
    assert [f.index for f in chosen] == sorted(f.index for f in chosen)
    assert all(f.picture is not None for f in chosen)
    # four kinds of picture: asking for more gives no copies
    assert len(diverse_frames(lambda: frames(levels, layout), 30)) == 4


def test_fewer_frames_than_asked_for_and_none() -> None:
    assert len(diverse_frames(lambda: frames([1, 50, 99], PixelLayout.I420), 8)) == 3
    assert diverse_frames(lambda: frames([], PixelLayout.I420), 8) == []
