"""A model -> a model's folder of a Triton repository: config.pbtxt, 1/, labels.txt and our own model.yaml.

https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/model_configuration.html
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from sightline.errors import ModelError, OutputError
from sightline.models.graphs.read_onnx import external_files, parse_onnx
from sightline.models.locate import weights_beside
from sightline.models.manifest import Manifest, dump_manifest, manifest_of
from sightline.types import ModelSpec, TensorSpec

__all__ = ["write_triton"]

_DTYPES = {
    "float32": "TYPE_FP32",
    "float16": "TYPE_FP16",
    "float64": "TYPE_FP64",
    "uint8": "TYPE_UINT8",
    "int8": "TYPE_INT8",
    "int16": "TYPE_INT16",
    "int32": "TYPE_INT32",
    "int64": "TYPE_INT64",
    "uint16": "TYPE_UINT16",
    "uint32": "TYPE_UINT32",
    "uint64": "TYPE_UINT64",
    "bool": "TYPE_BOOL",
}
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def write_triton(spec: ModelSpec, weights: Path, target: Path, manifest: Manifest | None = None) -> tuple[str, ...]:
    """Writes the folder `target`, whose name is the model's in the repository; returns notes, one line each.

    weights: an .onnx file (what it keeps in other files goes with it), or an .xml with its .bin. manifest: to go with
    it instead of the one made of `spec`. Axes that are open stay open (-1); the batch axis is one of the dims.
    Raises ModelError for types that Triton has not, OutputError where `target` exists or cannot be written.
    """
    if target.exists():
        raise OutputError(f"{target}: exists already; remove it, or write to another folder")
    openvino = weights.suffix.lower() == ".xml"
    config = _config(spec, target.name, openvino)
    own = manifest if manifest is not None else manifest_of(spec)
    own = own.model_copy(update={"weights": "", "files": {}})
    parts = _parts(weights, openvino)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise OutputError(f"{target}: the folder cannot be made: {error.strerror}") from error
    try:
        (draft / "1").mkdir()
        (draft / "config.pbtxt").write_text(config, "utf-8")
        (draft / "model.yaml").write_text(dump_manifest(own), "utf-8")
        if spec.labels:
            (draft / "labels.txt").write_text("".join(f"{_line(name)}\n" for name in spec.labels), "utf-8")
        for name, file in parts:
            shutil.copyfile(file, draft / "1" / name)
        draft.chmod(0o755)
        draft.rename(target)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise OutputError(f"{target}: the model cannot be written: {error.strerror}") from error
    fed = [item.tensor.name for item in spec.inputs if item.source == "view"]
    steps = spec.inputs[0].preprocess
    note = f"Triton feeds tensors as they are: {', '.join(fed)} takes {steps.color.upper()}, (pixel - mean) / scale"
    return (f"{note}, as model.yaml beside config.pbtxt says",)


def _parts(weights: Path, openvino: bool) -> list[tuple[str, Path]]:
    """(name in the version's folder, file)."""
    if openvino:
        return [("model.xml", weights), ("model.bin", weights_beside(weights))]
    try:
        model = parse_onnx(weights.read_bytes(), weights)
    except OSError as error:
        raise ModelError(f"{weights}: cannot be read: {error.strerror}") from error
    beside = external_files(model, weights)
    if any(file.parent != weights.parent for file in beside):
        raise ModelError(f"{weights}: keeps weights in a folder below its own; save it as one file first")
    return [("model.onnx", weights), *((file.name, file) for file in beside)]


def _config(spec: ModelSpec, name: str, openvino: bool) -> str:
    lines = [f'name: "{name.translate(_ESCAPES)}"']
    lines.append('backend: "openvino"' if openvino else 'platform: "onnxruntime_onnx"')
    lines.append(f'default_model_filename: "model.{"xml" if openvino else "onnx"}"')
    lines.append("max_batch_size: 0")
    for item in spec.inputs:
        lines += _tensor("input", item.tensor, "")
    for i, output in enumerate(spec.outputs):
        lines += _tensor("output", output, "labels.txt" if spec.labels and i == 0 else "")
    return "\n".join(lines) + "\n"


def _tensor(kind: str, item: TensorSpec, labels: str) -> list[str]:
    dtype = _DTYPES.get(item.dtype)
    if dtype is None:
        raise ModelError(f"{kind} {item.name!r}: Triton has no type {item.dtype}")
    dims = ", ".join(str(-1 if n is None else n) for n in item.shape)
    lines = [
        f"{kind} {{",
        f'  name: "{item.name.translate(_ESCAPES)}"',
        f"  data_type: {dtype}",
        f"  dims: [ {dims} ]",
    ]
    if labels:
        lines.append(f'  label_filename: "{labels}"')
    return [*lines, "}"]


def _line(name: str) -> str:
    """A label on a line of its own, whatever is in it."""
    return " ".join(name.split())
