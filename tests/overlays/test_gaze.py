"""Arrows of looks and marks of parsers: where they go, and that nothing is drawn where nothing is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sightline.overlays.boxes import BoxOverlay
from sightline.overlays.gaze import gaze_of
from sightline.types import (
    Attribute,
    Detections,
    Frame,
    FrameResult,
    Inside,
    Instant,
    Mark,
    Masks,
    Picture,
    PixelLayout,
    Prediction,
    StreamInfo,
)


def face(**said: float) -> Detections:
    column = np.empty(1, object)
    column[0] = tuple(Attribute(name.replace("_", "-"), f"{value:.3f}", 1.0) for name, value in said.items())
    return Detections(
        np.array([[80, 40, 120, 90]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int32), ("face",),
        columns={"attributes": column},
    )  # fmt: skip


def drawn(result: Prediction, inside: tuple[Inside, ...] = (), overlay: BoxOverlay | None = None) -> np.ndarray:
    pixels = np.zeros((120, 200, 3), np.uint8)
    stream = StreamInfo("s", 200, 120, Instant(0, 1).base)  # type: ignore[arg-type]
    frame = Frame(stream, 0, Instant(0, stream.base), None, 200, 120)
    overlay = overlay or BoxOverlay(labels=False, ids=False, scores=False, traces=False, said=False)
    overlay(Picture((pixels,), PixelLayout.RGB), FrameResult(frame, result, inside=inside))
    return pixels


@pytest.mark.parametrize(
    ("said", "way"),
    [
        ({"gaze_x": 1.0, "gaze_y": 0.0, "gaze_z": 0.0}, (1, 0)),
        ({"gaze_x": 0.0, "gaze_y": 2.0, "gaze_z": 0.0}, (0, -1)),
        ({"gaze_yaw": 90.0, "gaze_pitch": 0.0}, (-1, 0)),
        ({"gaze_yaw": 0.0, "gaze_pitch": 90.0}, (0, -1)),
    ],
)
def test_the_look_goes_where_it_is_said_to_go(said: dict[str, float], way: tuple[float, float]) -> None:
    found = gaze_of(face(**said), 0)
    assert found == pytest.approx(way, abs=1e-9)
    plain, arrow = drawn(Prediction(face())), drawn(Prediction(face(**said)))
    changed = np.argwhere((plain != arrow).any(2))
    assert len(changed) > 20
    middle = changed.mean(0) - (60, 100)
    assert middle[1] * way[0] + middle[0] * way[1] > 8


def test_without_a_look_nothing_is_drawn() -> None:
    assert gaze_of(face(yaw=10.0), 0) is None
    assert gaze_of(Detections(), 0) is None
    assert (drawn(Prediction(face(yaw=10.0))) == drawn(Prediction(face()))).all()


def test_marks_are_drawn_in_their_colour() -> None:
    mark = Mark(((10.0, 100.0), (190.0, 100.0)), (0.0, 1.0, 0.0, 1.0), 4)
    pixels = drawn(Prediction(marks=(mark,)))
    assert pixels[100, 20:180].mean(0).tolist() == pytest.approx([0, 255, 0], abs=2)
    hidden = Mark(((10.0, 100.0), (190.0, 100.0)), (0.0, 1.0, 0.0, 0.0), 4)
    assert not drawn(Prediction(marks=(hidden,))).any()


def test_what_lies_within_is_drawn_too() -> None:
    plate = Detections(np.array([[90, 70, 110, 80]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int32), ("p",))
    assert (
        (drawn(Prediction(face()), (Inside("model", plate),)) != drawn(Prediction(face()))).any(2)[68:82, 88:112].any()
    )


def test_words_of_a_stage_that_is_called_so_are_no_look() -> None:
    column = np.empty(1, object)
    column[0] = (
        Attribute("gaze-x", "road", 0.9, 0),
        Attribute("gaze-y", "0.1", 0.9),
        Attribute("gaze-zone", "left", 1),
    )
    found = replace(face(), columns={"attributes": column})
    assert gaze_of(found, 0) is None
    drawn(Prediction(found))


def test_masks_of_what_lies_within_are_tinted() -> None:
    bits = Masks(np.array([[85, 45, 115, 85]], np.float32), (np.full((40, 30), 255, np.uint8),))
    inner = replace(face(), stage="inner", parent=np.zeros(1, np.int32))
    plain = drawn(Prediction(face()), (Inside("model", inner),))
    tinted = drawn(Prediction(face()), (Inside("model", replace(inner, masks=bits)),))
    changed = (plain != tinted).any(2)
    assert changed[50:80, 90:110].all()
    assert not changed[:40].any()


def test_a_stage_keeps_its_colour_where_another_finds_nothing() -> None:
    stages = [replace(face(), stage=name, parent=np.zeros(1, np.int32)) for name in ("a", "b")]
    stages[0] = replace(stages[0], xyxy=np.array([[10, 10, 40, 40]], np.float32))
    overlay = BoxOverlay(labels=False, ids=False, scores=False, traces=False, said=False)
    both, alone = [
        drawn(Prediction(), tuple(Inside("model", d) for d in found), overlay) for found in (stages, stages[1:])
    ]
    assert (both[40:90, 80:120] == alone[40:90, 80:120]).all()
    assert alone[40:90, 80:120].any()
