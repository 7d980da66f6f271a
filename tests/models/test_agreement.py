"""How far two opinions agree: what is missed, invented, moved or named otherwise costs, and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.models.agreement import agreement
from sightline.types import Attribute, Detections, Masks, Prediction


def objects(*rows: tuple[float, float, float, float, float, int], **more: object) -> Prediction:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Prediction(
        Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int32), **more)  # type: ignore[arg-type]
    )


BOX = (10.0, 10.0, 50.0, 90.0)
ONE = objects((*BOX, 0.9, 1), (200, 10, 240, 90, 0.8, 0))


def test_the_same_agrees_in_full() -> None:
    found = agreement([ONE, objects()], [ONE, objects()], 0.3)
    assert found.share == 1
    assert found.frames == (1, 1)
    assert found.figures["mean_iou"] == pytest.approx(1)
    assert (found.figures["objects"], found.figures["missed"], found.figures["invented"]) == (2, 0, 0)


@pytest.mark.parametrize(
    ("other", "missed", "invented"),
    [
        (objects((*BOX, 0.9, 1)), 1, 0),  # one is not seen
        (objects((*BOX, 0.9, 1), (200, 10, 240, 90, 0.8, 0), (300, 10, 340, 90, 0.7, 0)), 0, 1),
        (objects((*BOX, 0.9, 0), (200, 10, 240, 90, 0.8, 0)), 1, 1),  # another label
        (objects((*BOX, 0.9, 1), (225, 10, 265, 90, 0.8, 0)), 1, 1),  # too far away
        (objects((*BOX, 0.9, 1), (202, 10, 242, 90, 0.8, 0)), 0, 0),  # near enough
        (objects((*BOX, 0.9, 1), (200, 10, 240, 90, 0.1, 0)), 1, 0),  # far below the threshold is not seen
        (objects((*BOX, 0.27, 1), (200, 10, 240, 90, 0.8, 0)), 0, 0),  # a little below it is
    ],
)
def test_what_is_missed_and_invented(other: Prediction, missed: int, invented: int) -> None:
    found = agreement([ONE], [other], 0.3)
    assert (found.figures["missed"], found.figures["invented"]) == (missed, invented)
    assert (found.share < 1) == bool(missed or invented)


def test_the_weak_ones_at_the_threshold_are_not_judged() -> None:
    weak = objects((*BOX, 0.32, 1))
    assert agreement([weak], [objects()], 0.3).share == 1
    assert agreement([objects()], [weak], 0.3).share == 1
    assert agreement([objects((*BOX, 0.36, 1))], [objects()], 0.3).share == 0


@given(st.integers(0, 6), st.integers(0, 6))
def test_nothing_found_at_all_is_no_agreement(n: int, m: int) -> None:
    some = objects(*(((i * 100.0), 0.0, i * 100.0 + 50, 50.0, 0.9, 0) for i in range(n)))
    more = objects(*(((i * 100.0), 0.0, i * 100.0 + 50, 50.0, 0.9, 0) for i in range(m)))
    found = agreement([some], [more], 0.3)
    both = min(n, m)
    expected = 1.0 if n == m else 2 * both / (n + m)
    assert found.share == pytest.approx(expected)


def test_masks_are_compared_where_they_lie() -> None:
    full = np.full((80, 40), 255, np.uint8)
    half = full.copy()
    half[40:] = 0
    window = np.array([BOX], np.float32)
    one = objects((*BOX, 0.9, 0), masks=Masks(window, (full,)))
    two = objects((*BOX, 0.9, 0), masks=Masks(window, (half,)))
    moved = objects((*BOX, 0.9, 0), masks=Masks(window + np.array([20, 0, 20, 0], np.float32), (full,)))
    assert agreement([one], [one], 0.3).figures["mask_iou"] == 1
    assert agreement([one], [two], 0.3).share == pytest.approx(0.5)
    assert agreement([one], [moved], 0.3).figures["mask_iou"] == pytest.approx(1 / 3)


def test_points_that_the_reference_is_sure_of() -> None:
    points = np.array([[[20, 20, 0.9], [30, 30, 0.9], [40, 40, 0.1]]], np.float32)
    moved = points.copy()
    moved[0, 1:, 0] += 30  # one that counts, one that does not
    found = agreement([objects((*BOX, 0.9, 0), keypoints=points)], [objects((*BOX, 0.9, 0), keypoints=moved)], 0.3)
    assert found.figures["points_near"] == pytest.approx(0.5)
    assert found.share == pytest.approx(0.5)


def test_other_tasks() -> None:
    cat, dog = (Attribute("class", name, 0.8, i) for i, name in enumerate(("cat", "dog")))
    says_cat, says_dog = Prediction(attributes=(cat, dog)), Prediction(attributes=(dog, cat))
    assert agreement([says_cat] * 4, [says_cat] * 3 + [says_dog], 0.3).share == pytest.approx(0.75)
    vector = np.array([1, 0], np.float32)
    assert agreement([Prediction(embedding=vector)], [Prediction(embedding=-vector)], 0.3).share == -1
    assert agreement([Prediction(embedding=vector)], [Prediction()], 0.3).share == 0
    classes = np.arange(16, dtype=np.uint8).reshape(4, 4)
    other = classes.copy()
    other[0] = 9
    assert agreement([Prediction(classmap=classes)], [Prediction(classmap=other)], 0.3).share == 0.75
    assert agreement([Prediction(text="AB 12")], [Prediction(text="AB 17")], 0.3).share == 0
    assert agreement([Prediction(text="AB 12")], [Prediction(text="AB 12")], 0.3).share == 1


def test_the_worst_frame_is_known() -> None:
    found = agreement([ONE] * 3, [ONE, objects((*BOX, 0.9, 1)), objects()], 0.3)
    assert found.frames[0] == 1 > found.frames[1] > found.frames[2]
    with pytest.raises(ValueError, match="as many"):
        agreement([ONE], [], 0.3)
