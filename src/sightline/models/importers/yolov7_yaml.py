"""The yaml of a YOLOv5 or YOLOv7 network: its layers, with the widths and repeats that its multiples give.

A layer is [from, repeats, module, arguments]; `from` counts from the start, or back from the layer itself. Source: the
configuration files of these projects and what their builder does with them; no text of the file is evaluated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import yaml

from sightline.errors import ModelError

__all__ = ["HEADS", "Activation", "Argument", "Layer", "Plan", "plan_of", "read_plan_text"]

_MAX_TEXT = 1 << 20
_MAX_LAYERS = 2000
_MAX_REPEATS = 500
_MAX_CHANNELS = 1 << 16

# by what their arguments begin with: the channels that come out, scaled by the width multiple
SCALED = frozenset(
    [
        "Conv2d",
        "Conv",
        "RobustConv",
        "RobustConv2",
        "DWConv",
        "GhostConv",
        "RepConv",
        "RepConv_OREPA",
        "SPP",
        "SPPF",
        "MixConv2d",
        "Focus",
        "Stem",
        "GhostStem",
        "CrossConv",
        "Bottleneck",
        "RepBottleneck",
        "Res",
        "RepRes",
        "ResX",
        "RepResX",
        "Ghost",
        "SwinTransformerBlock",
        "SwinTransformer2Block",
        "GhostBottleneck",
    ]
)
# ... and then by how often they repeat what is inside them
REPEATING = frozenset(
    [
        "DownC",
        "SPPCSPC",
        "GhostSPPCSPC",
        "BottleneckCSPA",
        "BottleneckCSPB",
        "BottleneckCSPC",
        "RepBottleneckCSPA",
        "RepBottleneckCSPB",
        "RepBottleneckCSPC",
        "ResCSPA",
        "ResCSPB",
        "ResCSPC",
        "RepResCSPA",
        "RepResCSPB",
        "RepResCSPC",
        "ResXCSPA",
        "ResXCSPB",
        "ResXCSPC",
        "RepResXCSPA",
        "RepResXCSPB",
        "RepResXCSPC",
        "GhostCSPA",
        "GhostCSPB",
        "GhostCSPC",
        "STCSPA",
        "STCSPB",
        "STCSPC",
        "ST2CSPA",
        "ST2CSPB",
        "ST2CSPC",
        "BottleneckCSP",
        "C3",
        "C3TR",
        "C3Ghost",
        "C3x",
    ]
)
HEADS = frozenset(("Detect", "IDetect", "IAuxDetect", "IBin", "IKeypoint"))
_CALL = re.compile(r"(?:torch\.)?nn\.(?:modules\.activation\.)?(\w+)\(\s*((?:[\w.]+\s*=\s*)?[-+\w.]*)[^()]*\)")


@dataclass(frozen=True, slots=True)
class Activation:
    """kind: its class in torch.nn. slope: of LeakyReLU."""

    kind: str
    slope: float = 0.01


Argument = int | float | bool | str | None | Activation | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """sources: of the layers it reads, -1 the picture. repeats: of the whole module, one after another.

    arguments: of its module, from the channels that come out on (those that go in are known), repeats inside second.
    """

    index: int
    sources: tuple[int, ...]
    repeats: int
    module: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A network. anchors: (width, height) pairs in pixels a level, or how many a level. classes: as the text says."""

    layers: tuple[Layer, ...]
    channels: int
    classes: int
    anchors: tuple[tuple[float, ...], ...] | int
    keypoints: int = 0
    deep_keypoints: bool = False
    activation: Activation | None = None

    @property
    def head(self) -> Layer:
        """The last layer, one of HEADS."""
        return self.layers[-1]


def read_plan_text(path: Path) -> object:
    """The value of a yaml file, unjudged. Raises ModelError."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_TEXT + 1)
        if len(data) > _MAX_TEXT:
            raise ModelError(f"{path.name}: larger than {_MAX_TEXT >> 20} MiB: not the yaml of a network")
        return yaml.safe_load(data.decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path.name}: cannot be read: {error}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{path.name}: not YAML: {' '.join(str(error).split())[:160]}") from error


def plan_of(value: object, where: str, classes: int | None = None) -> Plan:
    """The network of a yaml's value. classes: in place of its nc. Raises ModelError naming layer and reason."""
    if not isinstance(value, dict) or not isinstance(value.get("backbone"), list):
        raise ModelError(f"{where}: no yaml of a YOLO network: it has no list backbone")
    rows = value["backbone"] + (value["head"] if isinstance(value.get("head"), list) else [])
    if not 1 < len(rows) <= _MAX_LAYERS:
        raise ModelError(f"{where}: {len(rows)} layers; from 2 to {_MAX_LAYERS} are read")
    anchors = _anchors(value.get("anchors"), where)
    stated = _whole(value.get("nc", 80), f"{where}: nc", 1, 100_000)
    written = value.get("activation")
    plan = Plan(
        layers=(),
        channels=_whole(value.get("ch", 3), f"{where}: ch", 1, 64),
        classes=classes or stated,
        anchors=anchors,
        keypoints=_whole(value.get("nkpt") or 0, f"{where}: nkpt", 0, 1000),
        deep_keypoints=bool(value.get("dw_conv_kpt")),
        activation=_activation(written) if isinstance(written, str) else None,
    )
    pairs = anchors if isinstance(anchors, int) else len(anchors[0]) // 2
    reader = _Reader(
        where,
        _factor(value.get("depth_multiple", 1.0), f"{where}: depth_multiple"),
        _factor(value.get("width_multiple", 1.0), f"{where}: width_multiple"),
        pairs * (plan.classes + 5),
        _whole(value.get("channel_multiple") or 8, f"{where}: channel_multiple", 1, 1024),
    )
    layers = tuple(reader.layer(i, row) for i, row in enumerate(rows))
    heads = [layer.index for layer in layers if layer.module in HEADS]
    if heads != [len(layers) - 1]:
        known = ", ".join(sorted(HEADS))
        raise ModelError(
            f"{where}: its last layer is {layers[-1].module}, not one of the heads that are read ({known})\n"
            "export it to ONNX with the code that trained it, and import that"
        )
    return Plan(layers, plan.channels, plan.classes, plan.anchors, plan.keypoints, plan.deep_keypoints, plan.activation)


@dataclass(frozen=True, slots=True)
class _Reader:
    where: str
    depth: float
    width: float
    outputs: int
    multiple: int

    def layer(self, index: int, row: object) -> Layer:
        at = f"{self.where}: layer {index}"
        if not isinstance(row, list) or len(row) != 4 or not isinstance(row[2], str) or not isinstance(row[3], list):
            raise ModelError(f"{at}: not [from, repeats, module, arguments]: {str(row)[:80]}")
        module = row[2].rpartition(".")[2]
        repeats = _whole(row[1], f"{at}: repeats", 1, _MAX_REPEATS)
        if repeats > 1:
            repeats = max(round(repeats * self.depth), 1)
        arguments = [] if module in HEADS else [_argument(a, at) for a in row[3]]
        if module in SCALED or module in REPEATING:
            if not arguments or not isinstance(arguments[0], int) or not 0 < arguments[0] <= _MAX_CHANNELS:
                raise ModelError(f"{at}: {module} without its number of channels: {str(row[3])[:80]}")
            if arguments[0] != self.outputs:
                arguments[0] = ceil(arguments[0] * self.width / self.multiple) * self.multiple
        if module in REPEATING:
            arguments.insert(1, repeats)
            repeats = 1
        if repeats > _MAX_REPEATS:
            raise ModelError(f"{at}: {repeats} repeats; at most {_MAX_REPEATS} are read")
        if module == "IKeypoint" and len(row[3]) > 2 and isinstance(row[3][2], int):
            arguments = [row[3][2]]
        return Layer(index, self.sources(row[0], index, at), repeats, module, tuple(arguments))

    def sources(self, value: object, index: int, at: str) -> tuple[int, ...]:
        found: list[int] = []
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, int) or isinstance(item, bool):
                raise ModelError(f"{at}: 'from' is no number of a layer: {str(item)[:40]}")
            source = item if item >= 0 else index + item
            if not (0 <= source < index or (source == -1 and index == 0)):
                raise ModelError(f"{at}: 'from' {item} is no layer before it")
            found.append(source)
        if not found:
            raise ModelError(f"{at}: 'from' names no layer")
        return tuple(found)


def _argument(value: object, at: str) -> Argument:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        words: dict[str, Argument] = {"None": None, "True": True, "False": False}
        return words[value] if value in words else _activation(value) or value
    if isinstance(value, (list, tuple)) and all(isinstance(v, int) and abs(v) <= _MAX_CHANNELS for v in value):
        return tuple(v for v in value if isinstance(v, int))
    raise ModelError(f"{at}: an argument that no module takes: {str(value)[:80]}")


def _activation(text: str) -> Activation | None:
    match = _CALL.fullmatch(text.strip())
    if match is None:
        return None
    try:
        return Activation(match[1], float(match[2].rpartition("=")[2]))
    except ValueError:
        return Activation(match[1])


def _anchors(value: object, where: str) -> tuple[tuple[float, ...], ...] | int:
    if isinstance(value, int) and 0 < value <= 32:
        return value
    rows = value if isinstance(value, list) and 0 < len(value) <= 8 else []
    found = [tuple(float(v) for v in row if _is_number(v)) for row in rows if isinstance(row, list)]
    if not found or len(found) != len(rows) or any(len(r) != len(found[0]) or len(r) % 2 or not r for r in found):
        raise ModelError(f"{where}: anchors: not a list of (width, height) pairs a level: {str(value)[:80]}")
    return tuple(found)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) < 1e6


def _whole(value: object, what: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ModelError(f"{what}: {str(value)[:40]} is not a whole number from {least} to {most}")
    return value


def _factor(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 16:
        raise ModelError(f"{what}: {str(value)[:40]} is not a number above 0 and up to 16")
    return float(value)
