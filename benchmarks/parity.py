"""`python -m benchmarks.parity DIR [PICTURE...]`: an imported model's tensors against its format's own runtime.

DIR holds a folder a model. The same array goes into our form of the model (OpenVINO in 32 bits) and into the format's
own: ONNX Runtime, LiteRT (`ai-edge-litert`) or OpenCV 4's Darknet and Caffe readers, where they are installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.cli.frame import frame_at
from sightline.config import ModelConfig
from sightline.errors import SightlineError
from sightline.models.forms.arrays import arrays_of
from sightline.models.identify import Identified, identify
from sightline.protocols import RuntimeOptions
from sightline.runtimes.open_vino import OpenVinoRuntime

Arrays = Mapping[str, NDArray[Any]]
SCENE = "synthetic://street?seed=7&seconds=1"


@dataclass(frozen=True, slots=True)
class Row:
    """One model: who it was compared with, the greatest difference, and the greatest value that it was found among."""

    name: str
    format: str
    against: str
    most: float
    largest: float
    note: str = ""


def rows(root: Path, pictures: list[str]) -> Iterator[Row]:
    """A row for every folder below `root` that holds a model."""
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        try:
            found = identify(ModelConfig(path=str(folder)))
        except SightlineError as error:
            yield Row(folder.name, "", "", 0, 0, str(error).splitlines()[-1][:60])
            continue
        yield _row(folder.name, found, pictures)


def _row(name: str, found: Identified, pictures: list[str]) -> Row:
    own = _own_runtime(found)
    if own is None:
        return Row(name, found.arrived.format, "", 0, 0, "its own runtime is ours, or not installed")
    against, run = own
    most = largest = 0.0
    for arrays in arrays_of(found.spec, [frame_at(picture) for picture in pictures]):
        mine, theirs = _ours(found, arrays), run(arrays)
        pairs = _pairs(mine, theirs)
        if not pairs:
            return Row(name, found.arrived.format, against, 0, 0, "outputs of other shapes: rewritten by the import")
        for a, b in pairs:
            most = max(most, float(np.abs(a - b).max(initial=0)))
            largest = max(largest, float(np.abs(b).max(initial=0)))
    return Row(name, found.arrived.format, against, most, largest)


def _ours(found: Identified, arrays: Arrays) -> Arrays:
    session = OpenVinoRuntime().load(found.spec, found.weights, RuntimeOptions(precision="f32"))
    try:
        session.submit(arrays, None)
        ticket = session.collect(60)
        if ticket is None:
            raise TimeoutError(found.spec.name)
        outputs = {name: np.array(value) for name, value in ticket.outputs.items()}
        ticket.release()
    finally:
        session.close()
    return outputs


def _pairs(mine: Arrays, theirs: Arrays) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Outputs that belong together: of one name, else of one size in order."""
    named = [(mine[name], theirs[name]) for name in mine if name in theirs and mine[name].size == theirs[name].size]
    if len(named) == len(mine):
        return [_floats(a, b) for a, b in named]
    left = list(theirs.values())
    found: list[tuple[NDArray[Any], NDArray[Any]]] = []
    for value in mine.values():
        same = next((i for i, other in enumerate(left) if other.size == value.size), None)
        if same is None:
            return []
        found.append(_floats(value, left.pop(same)))
    return found


def _floats(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    return a.astype(np.float64).ravel(), b.astype(np.float64).ravel()


# -- the formats' own --------------------------------------------------------------------------------------------------


def _own_runtime(found: Identified) -> tuple[str, Callable[[Arrays], Arrays]] | None:
    sources = found.arrived.sources
    if found.arrived.format == "onnx":
        return "ONNX Runtime", lambda arrays: _onnx_runtime(found.weights, arrays)
    tflite = next((path for path in sources if path.suffix in (".tflite", ".lite")), None)
    if tflite is not None and importlib.util.find_spec("ai_edge_litert"):
        return "LiteRT", lambda arrays: _litert(tflite, arrays)
    if hasattr(cv2.dnn, "readNetFromDarknet"):
        cfg = next((path for path in sources if path.suffix == ".cfg"), None)
        weights = next((path for path in sources if path.suffix == ".weights"), None)
        if cfg is not None and weights is not None:
            return "OpenCV", lambda arrays: _darknet(cfg, weights, arrays, found)
    return None


def _onnx_runtime(path: Path, arrays: Arrays) -> Arrays:
    import onnxruntime as ort

    settings = ort.SessionOptions()
    settings.log_severity_level = 3
    session = ort.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, map(np.asarray, session.run(names, dict(arrays))), strict=True))


def _litert(path: Path, arrays: Arrays) -> Arrays:
    """Quantised inputs are quantised from what our form is fed, quantised outputs brought back to floats."""
    from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-not-found]

    interpreter = Interpreter(str(path))
    (entry, *_), value = interpreter.get_input_details(), next(iter(arrays.values()))
    interpreter.resize_tensor_input(entry["index"], value.shape)
    interpreter.allocate_tensors()
    if entry["dtype"] != value.dtype:
        scale, zero = entry["quantization"]
        value = np.clip(np.round(value / (scale or 1) + zero), *_limits(entry["dtype"])).astype(entry["dtype"])
    interpreter.set_tensor(entry["index"], value)
    interpreter.invoke()
    found: dict[str, NDArray[Any]] = {}
    for detail in interpreter.get_output_details():
        raw = interpreter.get_tensor(detail["index"])
        scale, zero = detail["quantization"]
        found[detail["name"]] = (raw.astype(np.float32) - zero) * scale if scale else raw
    return found


def _limits(dtype: type) -> tuple[int, int]:
    return np.iinfo(dtype).min, np.iinfo(dtype).max


def _darknet(cfg: Path, weights: Path, arrays: Arrays, found: Identified) -> Arrays:
    """The convolutions that go into the detection layers, which is what our form gives."""
    network = getattr(cv2.dnn, "readNetFromDarknet")(str(cfg), str(weights))  # noqa: B009  OpenCV 5 has none
    network.setInput(next(iter(arrays.values())))
    layers = list(network.getLayerNames())
    ends = [layers.index(name) for name in network.getUnconnectedOutLayersNames()]
    before = [next(name for name in reversed(layers[:end]) if name.startswith("conv_")) for end in ends]
    given = network.forward(before)
    ours = [output.name for output in found.spec.outputs]
    return dict(zip(ours, given, strict=False))


# -- the table ---------------------------------------------------------------------------------------------------------


def table(found: list[Row]) -> str:
    """Markdown, the formats together."""
    lines = ["| model | format | against | greatest difference | among values up to |", "|---|---|---|---|---|"]
    for row in sorted(found, key=lambda r: (r.format, r.name)):
        told = (f"{row.most:.1e}", f"{row.largest:.3g}") if not row.note else (row.note, "")
        lines.append(f"| {row.name} | {row.format} | {row.against} | {told[0]} | {told[1]} |")
    return "\n".join(lines)


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parity", description=__doc__)
    parser.add_argument("models", type=Path, help="a folder of models, one folder each")
    parser.add_argument("pictures", nargs="*", help="pictures to look at (default: a drawn street)")
    asked = parser.parse_args()
    print(table(list(rows(asked.models, asked.pictures or [SCENE]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
