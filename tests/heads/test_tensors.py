"""Finding and reading output tensors."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.errors import ModelError
from sightline.heads.tensors import activate, dfl, is_probability, levels, logit, pick, sigmoid, softmax

A = np.zeros((1, 8, 4), np.float32)
B = np.ones((1, 8, 4), np.float32)


@pytest.mark.parametrize(("values", "said"), [((0.0, 1.0), True), ((-0.5, 0.5), False), ((0.5, 1.5), False)])
def test_values_outside_zero_to_one_are_logits(values: tuple[float, ...], said: bool) -> None:
    a = np.array([*values, np.nan], np.float32)
    assert is_probability(a) is said
    np.testing.assert_array_equal(activate(a, None), a if said else sigmoid(a))
    np.testing.assert_array_equal(activate(a, True), a)


def test_an_output_is_found_by_option_then_name_then_shape() -> None:
    outputs = {"x/boxes:0": A, "my_boxes": B}
    assert pick(outputs, "my_boxes", ("boxes",), lambda a: True) is B
    assert pick(outputs, "", ("boxes",), lambda a: True) is A
    assert pick(outputs, "", ("my_",), lambda a: True) is B
    assert pick(outputs, "", (), lambda a: True) is None
    assert pick(outputs, "", (), lambda a: bool(a.any())) is B
    with pytest.raises(ModelError, match=r"no output 'z'; it has x/boxes:0, my_boxes"):
        pick(outputs, "z", (), lambda a: True)


def test_far_logits_do_not_overflow() -> None:
    a = np.array([-1e4, 0, 1e4], np.float32)
    np.testing.assert_array_equal(sigmoid(a), [0, 0.5, 1])
    np.testing.assert_array_equal(softmax(a), [0, 0, 1])
    assert logit(0.5) == 0
    assert (logit(0), logit(1)) == (-np.inf, np.inf)


def test_a_distribution_at_one_bin_is_that_distance() -> None:
    a = np.full((1, 4, 8), -100, np.float32)
    a[0, range(4), [0, 3, 5, 7]] = 100
    np.testing.assert_allclose(dfl(a.reshape(1, 32), 8), [[0, 3, 5, 7]])


def test_grids_are_ordered_by_stride_and_other_sizes_are_none() -> None:
    small, large = np.zeros((1, 5, 4, 6), np.float32), np.ones((1, 5, 8, 12), np.float32)
    found = levels([small, large], 0, (96, 64))
    assert found is not None
    assert [(g.stride, g.wh, g.channels, g.cells) for g in found] == [(8, (12, 8), 5, 96), (16, (6, 4), 5, 24)]
    assert levels([small], 0, (100, 100)) is None
    assert levels([A], 0, (96, 64)) is None
