"""Names that NumPy has dropped and parsers still use; there again only while a user's code runs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

__all__ = ["OldNames"]

_OLD: dict[str, object] = {
    "bool": bool,
    "complex": complex,
    "float": float,
    "int": int,
    "object": object,
    "str": str,
    "long": int,
    "unicode": str,
    "bool8": np.bool_,
    "int0": np.intp,
    "uint0": np.uintp,
    "float_": np.float64,
    "complex_": np.complex128,
    "singlecomplex": np.complex64,
    "cfloat": np.complex128,
    "longfloat": np.longdouble,
    "string_": np.bytes_,
    "unicode_": np.str_,
    "object0": np.object_,
    "Inf": np.inf,
    "Infinity": np.inf,
    "infty": np.inf,
    "PINF": np.inf,
    "NINF": -np.inf,
    "NaN": np.nan,
    "NAN": np.nan,
    "NZERO": -0.0,
    "PZERO": 0.0,
    "alltrue": np.all,
    "sometrue": np.any,
    "product": np.prod,
    "cumproduct": np.cumprod,
    "round_": np.round,
    "in1d": np.isin,
    "row_stack": np.vstack,
    "asfarray": lambda a, dtype=np.float64: np.asarray(a, dtype),
}


@dataclass(slots=True)
class OldNames:
    """Puts them into the numpy module and takes them out again; what NumPy has by itself is left alone."""

    _put: list[str] = field(default_factory=list[str])

    def enter(self) -> None:
        have = vars(np)
        for name, value in _OLD.items():
            if name not in have:
                setattr(np, name, value)
                self._put.append(name)

    def leave(self) -> None:
        while self._put:
            delattr(np, self._put.pop())
