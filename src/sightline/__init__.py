"""Your own vision model on your own video."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sightline.api import Detector, load, run
    from sightline.types import Detections

__version__ = "0.1.0"
__all__ = ["Detections", "Detector", "__version__", "load", "run"]

_HOMES = {
    "Detections": "sightline.types",
    "Detector": "sightline.api",
    "load": "sightline.api",
    "run": "sightline.api",
}


def __getattr__(name: str) -> object:
    """Public names are imported when they are first used (PEP 562), so that `import sightline` stays cheap."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'sightline' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
