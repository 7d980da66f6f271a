"""The files of a training that belong to a checkpoint: its yaml, the classes, the size it was trained at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from sightline.errors import ModelError
from sightline.models.importers.seam import Foreign
from sightline.models.importers.yolov7_yaml import read_plan_text
from sightline.models.labels import LabelTable, fit_labels, parse_labels

__all__ = ["Files", "files_of", "labels_of", "size_of", "yaml_beside"]

_WEIGHTS = (".pt", ".pth", ".ckpt", ".safetensors")
_YAML = (".yaml", ".yml")
_MAX_SIDE = 8192
_MAX_YAMLS = 40


@dataclass(frozen=True, slots=True)
class Files:
    """weights: the checkpoint. plan: the yaml of the network, if it was named. data: one with the classes."""

    weights: Path
    folder: Path
    plan: Path | None = None
    data: Path | None = None
    whole: bool = False

    @property
    def all(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.weights, self.plan, self.data) if path is not None)


def files_of(found: Foreign) -> Files:
    """Raises ModelError where no checkpoint is among what was named."""
    named = (found.path, *found.given)
    weights = next((path for path in named if path.suffix.lower() in _WEIGHTS), None)
    if weights is None:
        raise ModelError(f"{found.path}: a checkpoint ends in {', '.join(_WEIGHTS)}")
    plan = data = None
    for path in named:
        if path.suffix.lower() in _YAML:
            value = read_plan_text(path)
            if isinstance(value, dict) and "backbone" in value:
                plan = path
            elif isinstance(value, dict) and "names" in value:
                data = path
            else:
                raise ModelError(f"{path}: neither the yaml of a network (backbone) nor of a data set (names)")
    return Files(weights, found.folder, plan, data, found.whole)


def yaml_beside(files: Files) -> Path | None:
    """The yaml of a network beside the weights: of the same stem, or the only one; None without any.

    Raises ModelError where several would do.
    """
    there = sorted(p for p in files.folder.iterdir() if p.suffix.lower() in _YAML and p.is_file())[:_MAX_YAMLS]
    plans = [path for path in there if _holds(path, "backbone")]
    same = [path for path in plans if path.stem == files.weights.stem]
    chosen = same or plans
    if len(chosen) > 1:
        listed = ", ".join(path.name for path in chosen[:6])
        raise ModelError(f"{files.weights}: which of {listed} is its network? name the one as well")
    return chosen[0] if chosen else None


def _holds(path: Path, key: str) -> bool:
    try:
        value = read_plan_text(path)
    except ModelError:
        return False  # a yaml that happens to lie there
    return isinstance(value, dict) and key in value


def size_of(files: Files, usual: tuple[int, int]) -> tuple[tuple[int, int], Path | None]:
    """(width, height) that the training's opt.yaml states, and that file; else the usual one, and None.

    usual: (size, stride), the size a multiple of the stride. opt.yaml lies beside the checkpoint, or beside the folder
    weights/ that it lies in.
    """
    size, stride = usual
    folders = [files.folder, *([files.folder.parent] if files.folder.name == "weights" else [])]
    for path in (folder / "opt.yaml" for folder in folders):
        if path.is_file():
            side = _side(path)
            if side is not None:
                side = -(-side // stride) * stride
                return (side, side), path
    return (size, size), None


def _side(path: Path) -> int | None:
    try:
        value = yaml.load(path.read_text("utf-8-sig")[: 1 << 20], Loader=yaml.BaseLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return None
    told = (
        next((value[k] for k in ("img_size", "imgsz", "img") if k in value), None) if isinstance(value, dict) else None
    )
    first = told[0] if isinstance(told, list) and told else told
    if not isinstance(first, str) or not first.isdecimal() or not 32 <= int(first[:6]) <= _MAX_SIDE:
        return None
    return int(first)


def labels_of(files: Files, names: object, classes: int) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """(names by class id, warnings): of the data set's yaml, else of the checkpoint; None where neither tells."""
    if files.data is not None:
        table = parse_labels(files.data.read_text("utf-8-sig"), files.data.name)
        return fit_labels(table, classes, background=False, one_based=False)
    found: list[str] = []
    if isinstance(names, dict):
        names = [names.get(i) for i in range(classes)]
    if isinstance(names, (list, tuple)):
        found = [str(name) for name in names if isinstance(name, (str, int))]
    # without a data set the builder numbers its classes
    if not found or found == [str(i) for i in range(len(found))]:
        return None, ()
    return fit_labels(
        LabelTable(tuple(found), files.weights.name, numbered=True), classes, background=False, one_based=False
    )
