"""The priors of one cell of an SSD, box by box as prior_box_layer.cpp makes them."""

from __future__ import annotations

import math


def priors_of_a_cell(
    row: int, column: int, step: float, size_wh: tuple[int, int], small: float, large: float, ratios: tuple[float, ...]
) -> list[tuple[float, float, float, float]]:
    x, y = (column + 0.5) * step, (row + 0.5) * step
    sides = [(small, small), (math.sqrt(small * large),) * 2]
    sides += [(small * math.sqrt(ratio), small / math.sqrt(ratio)) for ratio in ratios]
    w, h = size_wh
    return [((x - a / 2) / w, (y - b / 2) / h, (x + a / 2) / w, (y + b / 2) / h) for a, b in sides]
