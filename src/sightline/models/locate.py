"""A path from the user -> the model file meant and the side files beside it."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import ModelError, UsageError

__all__ = ["Located", "content_hash", "locate"]

_MANIFESTS = ("model.yaml", "model.yml")
# Other formats by suffix, and what can be done until an importer reads them.
_FOREIGN = {
    ".tflite": "TFLite",
    ".pt": "PyTorch",
    ".pth": "PyTorch",
    ".torchscript": "TorchScript",
    ".cfg": "Darknet",
    ".weights": "Darknet",
    ".engine": "TensorRT engine",
    ".plan": "TensorRT engine",
    ".trt": "TensorRT engine",
    ".blob": "MyriadX blob",
    ".superblob": "MyriadX blob",
    ".dlc": "SNPE",
    ".etlt": "TAO (encrypted)",
    ".tlt": "TAO (encrypted)",
    ".uff": "UFF",
    ".caffemodel": "Caffe",
    ".prototxt": "Caffe",
    ".pb": "TensorFlow",
    ".h5": "Keras",
    ".keras": "Keras",
    ".mlmodel": "Core ML",
    ".mlpackage": "Core ML",
    ".param": "ncnn",
    ".mnn": "MNN",
    ".pdmodel": "Paddle",
    ".rknn": "RKNN",
    ".hef": "Hailo",
    ".xz": "NN Archive",
    ".tar": "NN Archive",
}


@dataclass(frozen=True, slots=True)
class Located:
    """weights: the .onnx or .xml; parts: it and every further file of its weights; folder: where side files may lie.

    whole: the user named the folder, so every side file in it is this model's.
    """

    weights: Path
    parts: tuple[Path, ...]
    format: str
    folder: Path
    whole: bool
    manifest: Path | None = None

    @property
    def name(self) -> str:
        """What to call the model: the file's stem."""
        return self.weights.stem


def locate(path: str | Path) -> Located:
    """Finds the model at `path`, a file or a folder holding one.

    Raises ModelError where there is none or its format needs an importer, UsageError where there are several.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return _in_folder(path)
    if not path.exists():
        raise ModelError(f"{path}: no such model file{_near(path)}")
    return _file(path, path.parent, whole=False)


def content_hash(parts: tuple[Path, ...]) -> str:
    """sha256 of the files' bytes one after the other, in hex."""
    digest = hashlib.sha256()
    for part in parts:
        with part.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()


def _near(path: Path) -> str:
    try:
        there = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f"; its folder {path.parent} cannot be read either" if str(path.parent) != "." else ""
    names = difflib.get_close_matches(path.name, there, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(names)}?" if names else ""


def _in_folder(folder: Path) -> Located:
    files = sorted(entry for entry in folder.iterdir() if entry.is_file())
    models = [file for file in files if file.suffix.lower() in (".onnx", ".xml")]
    # other XML files (annotations, say) are no models; one with weights of its stem, or holding a net, is
    models = [file for file in models if file.suffix.lower() != ".xml" or _is_network(file)]
    if len(models) == 1:
        return _file(models[0], folder, whole=True)
    if models:
        stems = {file.stem for file in models}
        listed = ", ".join(file.name for file in models[:6])
        why = "the same model in two formats" if len(stems) == 1 else f"{len(models)} models"
        raise UsageError(f"{folder}: holds {why} ({listed}); name the file to use")
    foreign = [file for file in files if file.suffix.lower() in _FOREIGN]
    if foreign:
        raise _needs_importer(foreign[0])
    raise ModelError(f"{folder}: no model in this folder; it needs an .onnx file, or an .xml with its .bin")


def _is_network(xml: Path) -> bool:
    with xml.open("rb") as file:
        return b"<net" in file.read(2048)


def _needs_importer(path: Path) -> ModelError:
    kind = _FOREIGN[path.suffix.lower()]
    cure = "export it to ONNX or OpenVINO"
    if path.suffix.lower() == ".pt":
        cure = "export it to ONNX with the package that made it"
    elif path.suffix.lower() in (".engine", ".plan", ".trt", ".blob", ".superblob", ".dlc", ".hef", ".rknn"):
        cure = "it is compiled for one device: use the ONNX file or the IR that it was made from"
    elif path.suffix.lower() in (".etlt", ".tlt"):
        cure = "use the decrypted ONNX export of the same model"
    return ModelError(f"{path}: {kind} models are not read yet (importers come with a later version); {cure}")


def _file(path: Path, folder: Path, *, whole: bool) -> Located:
    suffix = path.suffix.lower()
    manifest = next((folder / name for name in _MANIFESTS if (folder / name).is_file()), None)
    if suffix == ".bin" and path.with_suffix(".xml").is_file():
        path, suffix = path.with_suffix(".xml"), ".xml"
    if suffix == ".xml":
        weights = _weights_of(path)
        return Located(path, (path, weights), "openvino", folder, whole, manifest)
    if suffix in _FOREIGN:
        raise _needs_importer(path)
    # anything else is read as ONNX: the reader says what it is where it is not
    return Located(path, (path,), "onnx", folder, whole, manifest)


def _weights_of(xml: Path) -> Path:
    own = xml.with_suffix(".bin")
    if own.is_file():
        return own
    others = sorted(xml.parent.glob("*.bin"))
    if len(others) == 1:
        return others[0]
    if not others:
        raise ModelError(f"{xml}: its weights {own.name} are missing; put the .bin beside the .xml")
    raise ModelError(f"{xml}: no {own.name}, and {len(others)} other .bin files; name the right one {own.name}")
