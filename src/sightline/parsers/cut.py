"""The outputs of a request -> those of one view, without the batch axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.protocols import Outputs
from sightline.types import ModelSpec

__all__ = ["batched", "of_view"]


def batched(outputs: Outputs, spec: ModelSpec, views: int) -> frozenset[str]:
    """The outputs whose first axis is the batch.

    It is where it has as many rows as there are views (one view: unless the file leaves that axis open though its
    batch is fixed: then it counts what was found), and where all have the same number of rows, more than views, and
    the batch is not fixed to fewer: the request was not full.
    """
    declared = {tensor.name: tensor.shape for tensor in spec.outputs}
    batch = next((item.tensor.shape[0] for item in spec.inputs if item.tensor.shape), None)
    lengths = {len(array) for array in outputs.values() if array.ndim}
    padded = len(lengths) == 1 and lengths.pop() > views and (batch is None or batch > views)
    names = set[str]()
    for name, array in outputs.items():
        shape = declared.get(name, ())
        counts = batch == 1 and bool(shape) and shape[0] is None
        if array.ndim and (padded or (len(array) == views and not counts)):
            names.add(name)
    return frozenset(names)


def of_view(outputs: Outputs, axis: frozenset[str], row: int) -> dict[str, NDArray[Any]]:
    """The arrays of view `row`, each with at least one axis; no copies."""
    return {name: np.atleast_1d(array[row] if name in axis else array) for name, array in outputs.items()}


def layout(outputs: Mapping[str, NDArray[Any]]) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
    """Names, dtypes and shapes."""
    return tuple((name, array.dtype.str, array.shape) for name, array in outputs.items())
