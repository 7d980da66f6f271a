"""Which format a model file or folder is in: by its suffix, its first bytes and what lies beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from sightline.errors import ModelError

__all__ = [
    "IMPORTERS",
    "MODEL_SUFFIXES",
    "format_of_file",
    "format_of_folder",
    "is_configuration",
    "is_nvinferserver",
    "names_model",
    "refuse_compiled",
]

# format: "module:function" of its importer, `read(found: Foreign) -> Imported`
IMPORTERS: dict[str, str] = {
    "darknet": "sightline.models.importers.darknet:read",
    "caffe": "sightline.models.importers.caffe:read",
    "tflite": "sightline.models.importers.tflite:read",
    "yolo-checkpoint": "sightline.models.importers.checkpoint:read",
    "customvision": "sightline.models.importers.customvision:read",
    "nn-archive": "sightline.models.importers.nn_archive:read",
    "nvinfer": "sightline.models.importers.nvinfer:read",
    "triton": "sightline.models.importers.triton:read",
}

# Suffix -> format, the likelier of two files of one model first.
MODEL_SUFFIXES: dict[str, str] = {
    ".onnx": "onnx",
    ".xml": "openvino",
    ".tflite": "tflite",
    ".lite": "tflite",
    ".cfg": "darknet",
    ".weights": "darknet",
    ".wts": "darknet",
    ".caffemodel": "caffe",
    ".prototxt": "caffe",
    ".pt": "yolo-checkpoint",
    ".pth": "yolo-checkpoint",
    ".ckpt": "yolo-checkpoint",
    ".safetensors": "yolo-checkpoint",
}

_COMPILED = "it is compiled for one device: use the ONNX file, or the IR, that it was made from"
_TORCH = "export the network itself: torch.onnx.export(model, example, 'model.onnx')"
_EXPORT = "export it to ONNX with the tool that made it"
# What cannot be run anywhere but at its maker's: suffix -> what it is, what to do.
_REFUSED: dict[str, tuple[str, str]] = {
    ".engine": ("a TensorRT engine", _COMPILED),
    ".plan": ("a TensorRT engine", _COMPILED),
    ".trt": ("a TensorRT engine", _COMPILED),
    ".blob": ("a MyriadX blob", _COMPILED),
    ".superblob": ("a MyriadX blob", _COMPILED),
    ".dlc": ("a network compiled for Snapdragon (SNPE)", _COMPILED),
    ".hef": ("a network compiled for Hailo", _COMPILED),
    ".rknn": ("a network compiled for Rockchip", _COMPILED),
    ".kmodel": ("a network compiled for Kendryte", _COMPILED),
    ".etlt": (
        "a TAO model, encrypted with its maker's key",
        "use the deployable ONNX of the same model (NGC lists it as *_onnx_*), or export it: "
        "tao model NETWORK export -m model.hdf5 -o model.onnx",
    ),
    ".tlt": (
        "a TAO training checkpoint, encrypted with its maker's key",
        "export it where it was trained: tao model NETWORK export -m model.tlt -k KEY -o model.onnx",
    ),
    ".uff": (
        "a UFF graph, which TensorRT dropped in version 9",
        "export the TensorFlow model it was made from: python -m tf2onnx.convert --graphdef model.pb "
        "--inputs INPUT:0 --outputs OUTPUT:0 --output model.onnx",
    ),
    ".pb": (
        "a TensorFlow graph",
        "convert it: python -m tf2onnx.convert --saved-model FOLDER --output model.onnx",
    ),
    ".h5": ("a Keras model", "convert it: python -m tf2onnx.convert --keras model.h5 --output model.onnx"),
    ".keras": ("a Keras model", "export it: model.export('model.onnx', format='onnx')"),
    ".mlmodel": ("a Core ML model", _EXPORT),
    ".mlpackage": ("a Core ML model", _EXPORT),
    ".param": ("an ncnn network", "use the ONNX file that it was converted from"),
    ".mnn": ("an MNN network", "use the ONNX file that it was converted from"),
    ".pdmodel": (
        "a Paddle network",
        "convert it: paddle2onnx --model_dir . --model_filename model.pdmodel --params_filename model.pdiparams "
        "--save_file model.onnx",
    ),
    ".torchscript": (
        "a TorchScript program",
        "export the network itself: torch.onnx.export(model, example, 'model.onnx')",
    ),
    ".mar": ("a TorchServe archive", "export the network itself: torch.onnx.export(model, example, 'model.onnx')"),
}
_NVINFER = re.compile(r"^\s*(\[property\]|property\s*:)\s*([#;].*)?$", re.M)
_NVINFERSERVER = re.compile(r"^\s*infer_config\s*:?\s*\{", re.M)
_NAMES_MODEL = re.compile(
    r"^\s*(onnx-file|custom-network-config|proto-file|model-engine-file|tlt-encoded-model|uff-file|model_name)"
    r"\s*[=:]\s*\S.*$",
    re.M,
)
_TEXTS = (".txt", ".yml", ".yaml", ".prototxt", ".conf", ".cfg", ".pbtxt", ".json")
_HEAD_BYTES = 1 << 16


def refuse_compiled(path: Path) -> None:
    """Raises ModelError with the exact cure where the file can run only on its maker's own."""
    told = _REFUSED.get(path.suffix.lower())
    if told is not None:
        raise ModelError(f"{path}: this is {told[0]}\n{told[1]}")


def format_of_file(path: Path) -> str:
    """The key of `IMPORTERS`, "onnx" or "openvino"; "" for a file of no known kind (read as ONNX then).

    Raises ModelError for formats that cannot be read by anyone but their maker.
    """
    refuse_compiled(path)
    suffix = path.suffix.lower()
    if suffix in _TEXTS and (inside := _format_of_text(path, suffix)):
        return inside
    return MODEL_SUFFIXES.get(suffix, "")


def _format_of_text(path: Path, suffix: str) -> str:
    text = _head_of(path)
    if suffix == ".cfg" and re.search(r"^\s*\[(net|network)\]", text, re.M):
        return "darknet"
    if path.name == "config.pbtxt":
        return "triton"
    if suffix == ".json":
        return "nn-archive" if '"nn_config"' in text or _is_nn_archive(path) else ""
    return "nvinfer" if _NVINFER.search(text) or is_nvinferserver(text) else ""


def is_nvinferserver(text: str) -> bool:
    """Whether it is the protobuf text of DeepStream's nvinferserver."""
    return _NVINFERSERVER.search(text) is not None


def is_configuration(path: Path) -> bool:
    """Whether it is a text of nvinfer's or nvinferserver's form."""
    if path.suffix.lower() not in (".txt", ".yml", ".yaml") or not path.is_file():
        return False
    text = _head_of(path)
    return _NVINFER.search(text) is not None or is_nvinferserver(text)


def names_model(path: Path, among: Iterable[str]) -> bool:
    """Whether it is an nvinfer or nvinferserver file that names one of the files or folders `among` as its model."""
    if not is_configuration(path):
        return False
    said = " ".join(match.group() for match in _NAMES_MODEL.finditer(_head_of(path)))
    return any(name in said for name in among)


def _head_of(path: Path) -> str:
    """How a text file begins; "" where it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(_HEAD_BYTES)
    except OSError:
        return ""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")


def format_of_folder(folder: Path) -> str:
    """The format that a folder as a whole is in: a container with its own description, or ""."""
    if (folder / "cvexport.manifest").is_file() or (folder / "metadata_properties.json").is_file():
        return "customvision"
    if (folder / "config.pbtxt").is_file() or any(folder.glob("*/config.pbtxt")):
        return "triton"
    if (folder / "config.json").is_file() and _is_nn_archive(folder / "config.json"):
        return "nn-archive"
    return ""


def _is_nn_archive(path: Path) -> bool:
    try:
        text = path.read_bytes().decode("utf-8-sig", "replace")
        told = json.loads(text)
    except OSError:
        return False
    except (ValueError, RecursionError):
        return '"config_version"' in text  # a damaged one is its importer's to refuse
    if not isinstance(told, dict):
        return False
    model = told.get("model")
    return isinstance(model, dict) and "metadata" in model and "inputs" in model
