"""Weights and activations to 8 bits after training: by ONNX Runtime (QDQ nodes) or NNCF (FakeQuantize nodes in an IR).

Only what multiplies is quantised (convolutions, matrix products); some of them can be left as they are, by name.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino as ov
from numpy.typing import NDArray

from sightline.errors import MissingExtraError, ModelError

__all__ = ["can_use_nncf", "ir_layers", "onnx_layers", "quantise_ir", "quantise_onnx"]

Arrays = dict[str, NDArray[Any]]
_MULTIPLY = ("Conv", "ConvTranspose", "Gemm", "MatMul", "Convolution", "GroupConvolution", "ConvolutionBackpropData")
_OPSET = 13  # the first with quantisation a channel


def can_use_nncf() -> bool:
    """Whether NNCF is installed."""
    import importlib.util

    return importlib.util.find_spec("nncf") is not None


def onnx_layers(source: Path) -> tuple[str, ...]:
    """Names of an ONNX file's nodes that can be quantised, in the order of the graph."""
    nodes = enumerate(onnx.load(str(source), load_external_data=False).graph.node)
    return tuple(_name(node, i) for i, node in nodes if node.op_type in _MULTIPLY)


def ir_layers(model: ov.Model) -> tuple[str, ...]:
    """Names of a model's operations that can be quantised, in the order of the graph."""
    return tuple(op.get_friendly_name() for op in model.get_ordered_ops() if op.get_type_name() in _MULTIPLY)


def _name(node: onnx.NodeProto, number: int) -> str:
    return node.name or f"{node.op_type}_{number}"


# -- ONNX Runtime ------------------------------------------------------------------------------------------------------


class _Reader:
    """What ONNX Runtime's calibration asks for its next input."""

    def __init__(self, batches: Sequence[Arrays]) -> None:
        self._left: Iterator[Arrays] = iter(batches)

    def get_next(self) -> Arrays | None:
        return next(self._left, None)


def quantise_onnx(source: Path, target: Path, batches: Sequence[Arrays], keep: Sequence[str] = ()) -> None:
    """Writes `source` with QDQ nodes around all that multiplies but the nodes named in `keep`.

    Raises ModelError where ONNX Runtime's quantiser cannot do it.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    prepared = _prepared(source, target.with_suffix(".float.onnx"))
    try:
        with _quiet():
            quantize_static(
                str(prepared),
                str(target),
                _Reader(batches),  # type: ignore[arg-type]
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv", "ConvTranspose", "Gemm", "MatMul"],
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=list(keep),
                calibrate_method=CalibrationMethod.MinMax,
            )
    except (ValueError, RuntimeError, KeyError, AttributeError, TypeError, OSError) as error:
        raise ModelError(f"{source.name}: ONNX Runtime cannot quantise it: {_first_line(error)}") from error
    finally:
        prepared.unlink(missing_ok=True)


def _prepared(source: Path, target: Path) -> Path:
    """`source` with every node named, at an opset that knows quantisation a channel, in one file."""
    model = onnx.load(str(source))
    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=_OPSET)
    if opset < _OPSET:
        try:
            model = onnx.version_converter.convert_version(model, _OPSET)
        except (RuntimeError, onnx.version_converter.ConvertError) as error:
            raise ModelError(
                f"{source.name}: its opset {opset} cannot be raised to {_OPSET}, which quantisation needs: "
                f"{_first_line(error)}"
            ) from error
    if any(t.data_type == onnx.TensorProto.FLOAT16 and len(t.dims) > 1 for t in model.graph.initializer):
        raise ModelError(f"{source.name}: its weights are 16-bit already; quantise the 32-bit model it was made from")
    for number, node in enumerate(model.graph.node):
        node.name = _name(node, number)
    # shapes of inner tensors tell the quantiser what is a weight
    with contextlib.suppress(RuntimeError, onnx.shape_inference.InferenceError):
        model = onnx.shape_inference.infer_shapes(model)
    onnx.save(model, str(target))
    return target


# -- NNCF --------------------------------------------------------------------------------------------------------------


def quantise_ir(model: ov.Model, batches: Sequence[Arrays], keep: Sequence[str] = ()) -> ov.Model:
    """`model` with FakeQuantize nodes but at the operations named in `keep`. Raises MissingExtraError, ModelError."""
    try:
        os.environ.setdefault("NNCF_CI", "1")  # or it reports its use to its makers over the net
        import nncf
    except ImportError as error:
        raise MissingExtraError("NNCF is not installed: pip install 'sightline[quantize]'") from error
    names = [port.get_any_name() for port in model.inputs]
    feeds = [{name: batch[name] for name in names} for batch in batches]
    kept = nncf.IgnoredScope(names=list(keep), validate=False) if keep else None
    try:
        with _quiet():
            return nncf.quantize(
                model,
                nncf.Dataset(feeds),
                preset=nncf.QuantizationPreset.MIXED,
                subset_size=len(feeds),
                ignored_scope=kept,
            )
    except (RuntimeError, ValueError, nncf.ValidationError, nncf.InternalError) as error:
        raise ModelError(f"NNCF cannot quantise it: {_first_line(error)}") from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Quantisers report on standard output; that belongs to us."""
    logging.disable(logging.WARNING)
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            np.errstate(all="ignore"),
        ):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:200]
