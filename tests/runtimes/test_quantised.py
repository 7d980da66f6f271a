"""Quantised graphs: told from their file, and computed in floats on demand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as op

from sightline.runtimes.quantised import (
    as_computed,
    file_is_quantised,
    is_quantised,
    with_float_weights,
    with_whole_roundings,
)


def _model(levels: int) -> ov.Model:
    rng = np.random.default_rng(1)
    x = op.parameter([1, 4, 6, 6], np.float32, name="x")
    low, high = op.constant(np.float32(-2)), op.constant(np.float32(2))
    rounded = op.fake_quantize(x, low, high, low, high, levels)
    stored = op.constant(rng.integers(-127, 128, (5, 4, 3, 3)).astype(np.int8))
    scales = op.constant(rng.uniform(0.01, 0.02, (5, 1, 1, 1)).astype(np.float32))
    weights = op.multiply(op.convert(stored, np.float32), scales)
    made = op.convolution(rounded, weights, [1, 1], [0, 0], [0, 0], [1, 1])
    return ov.Model([op.result(made)], [x], "quantised")  # type: ignore[misc]


def _types(model: ov.Model) -> list[str]:
    return [node.get_type_name() for node in model.get_ops()]


def test_few_levels_are_quantised_and_many_are_not() -> None:
    assert is_quantised(_model(256))
    assert not is_quantised(_model(65536))


def test_weights_become_floats_and_the_graph_computes_in_floats() -> None:
    unpacked = with_float_weights(_model(256))
    assert "Convert" not in _types(unpacked)
    assert "FakeQuantize" in _types(unpacked)
    held = next(n for n in unpacked.get_ops() if n.get_type_name() == "Convolution").input_value(1).get_node()
    assert held.get_output_element_type(0) == ov.Type.f32
    weights: np.ndarray = held.data  # type: ignore[attr-defined]
    x = np.random.default_rng(2).uniform(-2, 2, (1, 4, 6, 6)).astype(np.float32)
    step = 4 / 255
    rounded = np.rint((x[0] + 2) / step) * step - 2
    wanted = np.zeros((5, 4, 4))
    for row in range(4):
        for column in range(4):
            wanted[:, row, column] = (weights * rounded[:, row : row + 3, column : column + 3]).sum((1, 2, 3))
    np.testing.assert_allclose(_run(unpacked, x)[0], wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("levels", "floats", "integers"), [(65536, False, 0), (65536, True, 0), (256, False, 1), (256, True, 0)]
)
def test_only_graphs_that_multiply_integers_keep_them(levels: int, floats: bool, integers: int) -> None:
    assert _types(as_computed(_model(levels), floats)).count("Convert") == integers


def test_a_graph_of_floats_stays_as_it_is() -> None:
    x = op.parameter([1, 3], np.float32, name="x")
    model = ov.Model([op.result(op.multiply(x, op.constant(np.float32(2))))], [x], "plain")  # type: ignore[misc]
    before = _types(model)
    assert _types(with_float_weights(model)) == before


def test_the_file_tells(tmp_path: Path) -> None:
    ov.save_model(_model(256), str(tmp_path / "q.xml"))
    assert file_is_quantised(tmp_path / "q.xml")
    (tmp_path / "f.onnx").write_bytes(b"Conv")
    assert not file_is_quantised(tmp_path / "f.onnx")
    (tmp_path / "q.onnx").write_bytes(b"..QuantizeLinear..")
    assert file_is_quantised(tmp_path / "q.onnx")
    (tmp_path / "empty.onnx").write_bytes(b"")
    assert not file_is_quantised(tmp_path / "empty.onnx")
    assert not file_is_quantised(tmp_path / "missing.onnx")


def _run(model: ov.Model, x: np.ndarray) -> np.ndarray:
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(compiled({0: x})[0])


def _rounded(x: ov.Node, scale: float, zero: int) -> ov.Node:
    """As ONNX files of 8 bits have it: to integers, and back with scale and zero point."""
    low, high = op.constant(np.float32(-zero * scale)), op.constant(np.float32((255 - zero) * scale))
    whole = op.fake_quantize(x, low, high, op.constant(np.float32(0)), op.constant(np.float32(255)), 256)
    floats = op.convert(op.convert(whole, np.uint8), np.float32)
    shift = op.convert(op.constant(np.uint8(zero)), np.float32)
    return op.multiply(op.subtract(floats, shift), op.constant(np.float32(scale)))


def test_joined_tensors_rounded_twice_compile_and_keep_their_values() -> None:
    x = op.parameter([1, 3, 4, 4], np.float32, name="x")
    joined = op.concat([_rounded(x, 0.04, 127), _rounded(op.negative(x), 0.04, 127)], 1)
    twice = _rounded(op.relu(_rounded(joined, 0.04, 127)), 0.02, 5)
    model = with_whole_roundings(ov.Model([op.result(twice)], [x], "joined"))  # type: ignore[misc]
    # compiled with the pair left in place, the process would end here by a signal
    assert _types(model).count("Subtract") == 3
    given = np.random.default_rng(3).uniform(-4, 4, (1, 3, 4, 4)).astype(np.float32)

    def by_hand(value: np.ndarray, scale: float, zero: int) -> np.ndarray:
        return (np.clip(np.rint(value / scale) + zero, 0, 255) - zero) * scale

    both = np.concatenate([by_hand(given, 0.04, 127), by_hand(-given, 0.04, 127)], 1)
    wanted = by_hand(np.maximum(by_hand(both, 0.04, 127), 0), 0.02, 5)
    np.testing.assert_allclose(_run(model, given), wanted, atol=1e-5)
