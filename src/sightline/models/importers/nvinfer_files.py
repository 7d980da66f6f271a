"""The files that an nvinfer file names: looked for where it says, then by their names beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sightline.errors import ModelError
from sightline.foreign.keyfile import KeyFile
from sightline.models.formats import MODEL_SUFFIXES, refuse_compiled
from sightline.models.importers import caffe, darknet
from sightline.models.importers.contents import hand_on
from sightline.models.importers.nvinfer_settings import Named
from sightline.models.importers.seam import Foreign, Imported
from sightline.models.manifest import Manifest

__all__ = ["find", "missing", "model_of", "places"]

# what TensorRT's builder appends to the name of the file that an engine is built from
_BUILT = re.compile(r"_b\d+(_gpu\d+|_dla\d+)?_(fp32|fp16|int8|best|bf16|fp8)\.engine$", re.I)
# what nobody but its maker reads: key -> the suffix that such files have
_UNREADABLE = {"tlt-encoded-model": ".etlt", "uff-file": ".uff", "model-engine-file": ".engine"}


def find(named: Named, config: Path) -> Path | None:
    """The file where the configuration says that it is, else one of its name beside the configuration."""
    return next((path for path in places(named.text, config) if _is_file(path)), None)


def missing(named: Named, config: Path) -> str:
    """What a message says of a file that is not there: where it is named, and where it was looked for."""
    looked = " and ".join(dict.fromkeys(str(path) for path in places(named.text, config)))
    return f"{named.where} names {named.text[:120]}, which is missing: looked for {looked[:300]}"


def model_of(file: KeyFile, found: Foreign) -> Imported:
    """The model that `file` names, as a runtime loads it. Raises ModelError where it is missing or unreadable."""
    choices = _Choices(file, found)
    for choice in (choices.given, choices.onnx, choices.darknet, choices.caffe, choices.built_from):
        imported = choice()
        if imported is not None:
            return imported
    raise choices.nothing()


def places(text: str, config: Path) -> list[Path]:
    """Where a file may be; a name with a NUL is nowhere."""
    text = text.strip().strip('"').removeprefix("file://").replace("\\", "/")
    if not text or "\0" in text:
        return []
    return [config.parent / text, config.parent / Path(text).name]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class _Choices:
    """The ways in which a file can name its model, each None where it does not."""

    file: KeyFile
    found: Foreign

    def given(self) -> Imported | None:
        """A model that the user named with the configuration goes before what that names."""
        models = [path for path in self.found.given if path.suffix.lower() in MODEL_SUFFIXES]
        if not models:
            return None
        for path in models:
            if path.suffix.lower() in (".cfg", ".prototxt"):
                others = [other for other in models if other is not path]
                return self._pair(path, others)
        return hand_on(models[0], self.found)

    def onnx(self) -> Imported | None:
        """What onnx-file names; or weights of Caffe that the user has as ONNX: then no prototxt is needed."""
        path = self._there("onnx-file") or self._there("model-file")
        if path is None or (self._there("onnx-file") is None and path.suffix.lower() != ".onnx"):
            return None
        refuse_compiled(path)
        return (
            hand_on(path, self.found) if path.suffix.lower() in MODEL_SUFFIXES else Imported(path, Manifest(), (path,))
        )

    def darknet(self) -> Imported | None:
        cfg = self._there("custom-network-config")
        if cfg is None:
            return None
        weights = self._there("model-file")
        named = self._named("model-file")
        if weights is None and named is not None:
            raise ModelError(missing(named, self.file.path))
        return self._pair(cfg, [weights] if weights is not None else [])

    def caffe(self) -> Imported | None:
        prototxt, weights = self._there("proto-file"), self._there("model-file")
        if prototxt is None or weights is None:
            return None
        return self._pair(prototxt, [weights])

    def built_from(self) -> Imported | None:
        """The ONNX file that an engine was built from, or that lies beside what cannot be read, by its name."""
        for key in reversed(_UNREADABLE):
            named = self._named(key)
            if named is None:
                continue
            source = Path(_BUILT.sub("", named.text.strip()))
            if source.suffix.lower() != ".onnx":
                source = source.with_suffix(".onnx") if source.name else source
            path = find(replace(named, text=str(source)), self.file.path)
            if path is not None:
                imported = hand_on(path, self.found)
                note = f"{named.where} names {Path(named.text).name[:80]}, which is not read; {path.name} beside it is"
                return replace(imported, warnings=(*imported.warnings, note))
        return None

    def nothing(self) -> ModelError:
        """Why there is no model: what is missing, else what nobody can read."""
        for key in ("onnx-file", "custom-network-config", "proto-file", "model-file"):
            named = self._named(key)
            if named is not None and find(named, self.file.path) is None:
                return ModelError(f"{missing(named, self.file.path)}\n{_PUT}")
        for key, suffix in _UNREADABLE.items():
            named = self._named(key)
            if named is None:
                continue
            own = Path(named.text.strip())
            try:
                refuse_compiled(own)
                refuse_compiled(Path(f"model{suffix}"))
            except ModelError as error:
                what, _, advice = str(error).partition(": ")[2].partition("\n")
                return ModelError(f"{named.where} names {named.text[:120]}: {what}\n{advice}; then say onnx-file=FILE")
        return ModelError(
            f"{self.file.path}: names no model: no onnx-file, no custom-network-config, no proto-file\n{_PUT}"
        )

    def _pair(self, first: Path, others: Sequence[Path]) -> Imported:
        """A description and its weights."""
        reader, format = (darknet, "darknet") if first.suffix.lower() == ".cfg" else (caffe, "caffe")
        foreign = replace(self.found, format=format, path=first, folder=first.parent, given=tuple(others), whole=False)
        return reader.read(foreign)

    def _named(self, key: str) -> Named | None:
        entry = self.file.get("property", key)
        return None if entry is None or not entry.value else Named(entry.value, f"{entry.where}: {key}")

    def _there(self, key: str) -> Path | None:
        named = self._named(key)
        return None if named is None else find(named, self.file.path)


_PUT = "put the file there, or name it as well: sightline import CONFIG MODEL.onnx"
