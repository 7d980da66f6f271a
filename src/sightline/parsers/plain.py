"""What a user's code says in words of its own, as plain JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["NotPlain", "plain"]

_DEEPEST = 40
_MOST = 1_000_000  # values


class NotPlain(ValueError):
    """A value has no JSON; the message says where it is and what it is."""


def plain(value: object, name: str) -> Any:
    """`value` as JSON takes it: NumPy's numbers and arrays become Python's. Raises NotPlain naming the place."""
    return _Walk(name).plain(value, name, 0)


class _Walk:
    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0

    def plain(self, value: object, at: str, depth: int) -> Any:
        self._count += 1
        if depth > _DEEPEST or self._count > _MOST:
            raise NotPlain(f"{self._name}: too large for a message, or it holds itself")
        if isinstance(value, np.ndarray):
            value = value.tolist()
        elif isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, float):
            if not math.isfinite(value):
                raise NotPlain(f"{at}: {value} has no JSON; expected a finite number")
            return float(value)
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, Mapping):
            return {self._key(k, at): self.plain(v, f"{at}[{k!r}]", depth + 1) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(v, f"{at}[{i}]", depth + 1) for i, v in enumerate(value)]
        raise NotPlain(f"{at}: a {type(value).__name__} has no JSON; expected numbers, text, lists and dicts of them")

    @staticmethod
    def _key(key: object, at: str) -> str:
        if isinstance(key, np.generic):
            key = key.item()
        if isinstance(key, str):
            return key
        if isinstance(key, bool | int | float):
            return str(key)
        raise NotPlain(f"{at}: a {type(key).__name__} as a key; expected text")
