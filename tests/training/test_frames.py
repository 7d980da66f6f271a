"""Training pictures: the way into the network's input, and augmentation that keeps boxes on their objects."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.training.frames import IGNORED, Sample, augment, letterbox, samples, stack


def test_letterbox_keeps_the_ratio_and_centres() -> None:
    rgb = np.zeros((100, 400, 3), np.uint8)
    rgb[:] = 200
    out, gain, left, top = letterbox(rgb, 200, 100)
    assert (gain, left, top) == (0.5, 0.0, 25.0)
    assert out.shape == (100, 200, 3)
    assert (out[25:75] == 200).all()
    assert (out[:25] == 114).all()
    assert (out[75:] == 114).all()


def test_samples_are_the_same_for_the_same_seed_and_mark_what_is_hidden() -> None:
    one, two = samples(3, 3, 224, 128), samples(3, 3, 224, 128)
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a.image, b.image)
        assert np.array_equal(a.boxes, b.boxes)
        assert a.image.shape == (128, 224, 3)
        assert a.boxes.min() >= -0.01
        assert (a.boxes[:, 2] <= 224.01).all()
    many = [int(v) for seed in range(3, 7) for s in samples(seed, 4, 224, 128) for v in s.label]
    assert {IGNORED, 0, 1, 2} == set(many)


def test_augmented_boxes_stay_on_their_object() -> None:
    """One bright rectangle on black: wherever it goes, its box goes."""
    image = np.zeros((128, 224, 3), np.uint8)
    image[40:80, 60:130] = 255
    sample = Sample(image, np.array([[60, 40, 130, 80]], np.float32), np.array([1], np.int32))
    rng = np.random.default_rng(0)
    moved = set()
    for _ in range(60):
        result = augment(sample, rng)
        # the filling of a shrunken picture is grey, the object brighter than it
        mask = result.image.min(2) > 150
        if not mask.any():
            continue
        ys, xs = np.nonzero(mask)
        assert len(result.boxes) == 1
        assert result.boxes[0] == pytest.approx([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], abs=2.0)
        moved.add(tuple(int(v) for v in result.boxes[0]))
    assert len(moved) > 20


def test_stack_pads() -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    one = Sample(image, np.zeros((2, 4), np.float32), np.array([0, IGNORED], np.int32))
    none = Sample(image, np.zeros((0, 4), np.float32), np.zeros(0, np.int32))
    images, labels, boxes = stack([one, none])
    assert images.shape == (2, 32, 32, 3)
    assert labels.tolist() == [[0, -1], [-2, -2]]
    assert boxes.shape == (2, 2, 4)
