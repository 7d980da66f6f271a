"""What Roboflow's model packages say of how a picture goes in: `inference_config.json`, or `environment.json`.

The keys are those of roboflow/inference (inference_models, `network_input`); labels lie beside them in
`class_names.txt`, which is read like any label file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sightline.types import ChannelOrder, Resize

__all__ = ["Packaged", "read_package"]

_MOST_BYTES = 1 << 20
_MODES = {
    "stretch": Resize.STRETCH,
    "letterbox": Resize.LETTERBOX,
    "letterbox-reflect-edges": Resize.LETTERBOX,
    "fit-longer-edge": Resize.LETTERBOX,
    "center-crop": Resize.CROP,
}
_EDGES = {"black edges": 0.0, "grey edges": 127.0, "white edges": 255.0}


@dataclass(frozen=True, slots=True)
class Packaged:
    """What a package says; None where it is silent. source: the file."""

    source: str
    color: ChannelOrder | None = None
    mean: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    resize: Resize | None = None
    pad: float | None = None
    size_wh: tuple[int, int] | None = None
    score: float | None = None
    nms: float | None = None


def read_package(folder: Path) -> Packaged | None:
    """What lies in `folder`; None where it is no such package."""
    config = _object(folder / "inference_config.json")
    entry = config.get("network_input")
    if isinstance(entry, dict):
        return _network_input(cast("dict[str, object]", entry), config.get("post_processing"))
    written = _object(folder / "environment.json").get("PREPROCESSING")
    if isinstance(written, str):
        return _environment(written)
    return None


def _object(path: Path) -> dict[str, object]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}
        value = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _network_input(entry: Mapping[str, object], after: object) -> Packaged:
    size = entry.get("training_input_size")
    width, height = (_whole(size.get(side)) for side in ("width", "height")) if isinstance(size, dict) else (0, 0)
    unit = _number(entry.get("scaling_factor")) or 1.0
    mean, scale = (0.0,), (unit,)
    pair = entry.get("normalization")
    if isinstance(pair, list) and len(pair) == 2:
        means, spreads = (_numbers(values) for values in pair)
        if means and spreads and all(spreads):
            mean, scale = tuple(v * unit for v in means), tuple(v * unit for v in spreads)
    limits = after.get("nms_parameters") if isinstance(after, dict) else None
    limits = cast("dict[str, object]", limits) if isinstance(limits, dict) else {}
    color = str(entry.get("color_mode", ""))
    return Packaged(
        "inference_config.json",
        ChannelOrder(color) if color in ("rgb", "bgr") else None,
        mean,
        scale,
        _MODES.get(str(entry.get("resize_mode"))),
        _number(entry.get("padding_value")),
        (width, height) if width and height else None,
        _number(limits.get("confidence_threshold")),
        _number(limits.get("iou_threshold")),
    )


def _environment(written: str) -> Packaged | None:
    """{"resize": {"width": 640, "height": 640, "format": "Fit (black edges) in"}}, written as text in JSON."""
    try:
        steps = json.loads(written)
    except (ValueError, RecursionError):
        return None
    resize = steps.get("resize") if isinstance(steps, dict) else None
    if not isinstance(resize, dict):
        return None
    words = str(resize.get("format", "")).lower()
    mode = None
    if words.startswith("stretch"):
        mode = Resize.STRETCH
    elif words.startswith("fit"):
        mode = Resize.LETTERBOX
    elif words.startswith("fill"):
        mode = Resize.CROP
    pad = next((level for edges, level in _EDGES.items() if edges in words), None)
    width, height = _whole(resize.get("width")), _whole(resize.get("height"))
    return Packaged("environment.json", resize=mode, pad=pad, size_wh=(width, height) if width and height else None)


def _whole(value: object) -> int:
    """A number, or text of one: both occur."""
    text = str(value)
    return int(text) if text.isdecimal() and 0 < int(text) <= 16384 else 0


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _numbers(values: object) -> tuple[float, ...]:
    if not isinstance(values, list) or not all(_number(v) is not None for v in values):
        return ()
    return tuple(float(v) for v in values)
