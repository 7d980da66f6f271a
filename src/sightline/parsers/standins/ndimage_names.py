"""`scipy.ndimage.filters` and `scipy.ndimage.morphology`: names that have moved to `scipy.ndimage`."""

from __future__ import annotations

from scipy import ndimage


def __getattr__(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(ndimage, name)
