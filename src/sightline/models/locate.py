"""A path from the user -> the one model file or container meant, before anything of it is read."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import ModelError, UsageError
from sightline.models.archives import is_archive
from sightline.models.formats import MODEL_SUFFIXES, format_of_file, format_of_folder, names_model, refuse_compiled

__all__ = ["Located", "Meant", "content_hash", "meant", "weights_beside"]

MANIFESTS = ("model.yaml", "model.yml")


@dataclass(frozen=True, slots=True)
class Meant:
    """What the user means. format: "onnx", "openvino", "archive", "bundle" or a key of `formats.IMPORTERS`.

    path: the file, or the folder where the format is a container. folder: where side files lie.
    whole: the user named the folder, so every side file in it is this model's.
    """

    format: str
    path: Path
    folder: Path
    whole: bool


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

    @property
    def name(self) -> str:
        """What to call the model: the file's stem."""
        return self.weights.stem


def meant(path: str | Path) -> Meant:
    """Finds the model at `path`, a file or a folder holding one.

    Raises ModelError where there is none or nobody could read it, UsageError where there are several.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return _in_folder(path)
    if not path.exists():
        if (word := str(path).partition(":")[0].lower()) in ("http", "https"):
            raise UsageError(
                f"{word}://...: a model on the net is imported first: sightline import URL --sha256 ... -o NAME/"
            )
        raise ModelError(f"{path}: no such model file{_near(path)}")
    if not path.is_file():
        raise ModelError(f"{path}: a pipe or a device, not a model file")
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


def _in_folder(folder: Path) -> Meant:
    bundle = next((folder / name for name in MANIFESTS if _names_weights(folder / name)), None)
    if bundle is not None:
        return Meant("bundle", bundle, folder, whole=True)
    if (config := _configuration(folder)) is not None:
        return _file(config, folder, whole=True)
    container = format_of_folder(folder)
    if container:
        return Meant(container, folder, folder, whole=True)
    files = sorted(entry for entry in folder.iterdir() if entry.is_file())
    models = _models_among(files)
    if len(models) == 1:
        return _file(models[0], folder, whole=True)
    if models:
        stems = {file.stem for file in models}
        listed = ", ".join(file.name for file in models[:6])
        why = "the same model in two formats" if len(stems) == 1 else f"{len(models)} models"
        raise UsageError(f"{folder}: holds {why} ({listed}); name the file to use")
    archives = [file for file in files if is_archive(file)]
    if len(archives) == 1:
        return _file(archives[0], folder, whole=True)
    if archives:
        listed = ", ".join(file.name for file in archives[:6])
        raise UsageError(f"{folder}: holds {len(archives)} archives ({listed}); name the one to use")
    for file in files:
        refuse_compiled(file)
    raise ModelError(f"{folder}: no model in this folder; it needs an .onnx file, an .xml with its .bin, a .tflite ...")


def _names_weights(manifest: Path) -> bool:
    """Whether it is the manifest of a bundle: it says which file holds the weights."""
    try:
        lines = manifest.read_bytes()[: 1 << 20].splitlines()
    except OSError:
        return False
    return any(line.startswith(b"weights:") for line in lines)


def _configuration(folder: Path) -> Path | None:
    """The only nvinfer file of a folder that names a model of the same folder: it says more than the model does."""
    there = sorted(folder.iterdir())
    models = [entry.name for entry in there if entry.is_dir() or entry.suffix.lower() in MODEL_SUFFIXES]
    configs = [entry for entry in there if entry.is_file() and names_model(entry, models)]
    return configs[0] if len(configs) == 1 else None


def _models_among(files: list[Path]) -> list[Path]:
    """The files that name a model each; one of two that belong together (cfg and weights, prototxt and caffemodel)."""
    found: dict[str, list[Path]] = {}
    for file in files:
        if file.suffix.lower() not in MODEL_SUFFIXES:
            continue
        # other XML and text files are no models; one with weights of its stem, or holding a net, is
        if file.suffix.lower() == ".xml" and not _is_network(file):
            continue
        if file.suffix.lower() in (".cfg", ".prototxt") and format_of_file(file) not in ("darknet", "caffe"):
            continue
        found.setdefault(format_of_file(file), []).append(file)
    for format, first in (("darknet", ".cfg"), ("caffe", ".prototxt")):
        pairs = [file for file in found.get(format, []) if file.suffix.lower() == first]
        if pairs:
            found[format] = [file for file in pairs if "solver" not in file.name and "train" not in file.name] or pairs
    return sorted(file for some in found.values() for file in some)


def _is_network(xml: Path) -> bool:
    with xml.open("rb") as file:
        return b"<net" in file.read(2048)


def _file(path: Path, folder: Path, *, whole: bool) -> Meant:
    if path.name in MANIFESTS and _names_weights(path):
        return Meant("bundle", path, path.parent, whole=True)
    if path.name == "cvexport.manifest" or _is_of_export(path):
        return Meant("customvision", path.parent, path.parent, whole=True)
    if path.suffix.lower() == ".bin" and path.with_suffix(".xml").is_file():
        path = path.with_suffix(".xml")
    format = format_of_file(path)
    if not format and is_archive(path):
        return Meant("archive", path, folder, whole)
    if format == "triton":
        return Meant(format, path.parent, path.parent, whole=True)
    # anything else is read as ONNX: the reader says what it is where it is not
    return Meant(format or "onnx", path, folder, whole)


def _is_of_export(path: Path) -> bool:
    """Whether it is the model that the manifest of a Custom Vision export beside it names."""
    manifest = path.with_name("cvexport.manifest")
    if path.suffix.lower() not in (".onnx", ".tflite", ".xml") or not manifest.is_file():
        return False
    return f'"{path.name}"'.encode() in manifest.read_bytes()[: 1 << 16]


def weights_beside(xml: Path) -> Path:
    """The weights of an IR: the .bin of its stem, or the only one there. Raises ModelError."""
    own = xml.with_suffix(".bin")
    if own.is_file():
        return own
    others = sorted(xml.parent.glob("*.bin"))
    if len(others) == 1:
        return others[0]
    if not others:
        raise ModelError(f"{xml}: its weights {own.name} are missing; put the .bin beside the .xml")
    raise ModelError(f"{xml}: no {own.name}, and {len(others)} other .bin files; name the right one {own.name}")
