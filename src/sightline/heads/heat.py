"""Heat maps: the cells above a score, and of them the peaks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.heads.tensors import Level, is_probability, levels, logit, sigmoid
from sightline.protocols import Outputs
from sightline.types import F32, I64

__all__ = ["named_grids", "peaks"]


def named_grids(outputs: Outputs, index: int, size_wh: tuple[int, int]) -> dict[str, Level]:
    """The 4-D outputs by name, for view `index`; empty unless all of them lie on one grid."""
    flat = {name: a for name, a in outputs.items() if a.ndim == 4}
    found = levels(list(flat.values()), index, size_wh) or []
    return dict(zip(flat, found, strict=True)) if len({g.wh for g in found}) == 1 else {}


def peaks(heat: Level, least: float, activated: bool | None, pool: bool) -> tuple[I64, I64, F32]:
    """Cells (m,) of at least `least`, their classes (m,) and probabilities (m,).

    heat: data (C, n). pool: only cells that no neighbour in their 3x3 window exceeds (CenterNet, arXiv 1904.07850).
    """
    w, h = heat.wh
    a: NDArray[Any] = heat.data.reshape(heat.channels, h, w)
    if activated is None:
        activated = is_probability(a)
    c, y, x = np.nonzero(a >= np.float32(least if activated else logit(least) - 1e-4))
    value = a[c, y, x].astype(np.float32)
    if pool and len(c):
        frame = np.pad(a, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
        around = np.stack([frame[c, y + dy, x + dx] for dy in range(3) for dx in range(3)])
        top = value >= np.fmax.reduce(around, axis=0)
        c, y, x, value = c[top], y[top], x[top], value[top]
    return y * w + x, c, value if activated else sigmoid(value)
