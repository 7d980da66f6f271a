"""A message -> one line of JSON, whatever a user's own code has put into it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

__all__ = ["line_of"]


def line_of(message: object) -> str:
    """Compact JSON, not escaped. What JSON has no word for becomes null (numbers that are not finite) or text."""
    try:
        return _dumps(message)
    except (ValueError, TypeError):
        return _dumps(_plain(message, ()))


def _dumps(message: object) -> str:
    return json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _plain(value: object, above: tuple[int, ...]) -> object:
    if isinstance(value, np.ndarray | np.generic):
        value = cast("object", value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if id(value) in above:  # a list that holds itself
        return None
    inside = (*above, id(value))
    if isinstance(value, Mapping):
        return {str(k): _plain(v, inside) for k, v in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v, inside) for v in cast("Sequence[object]", value)]
    return str(value)
