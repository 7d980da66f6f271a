"""YOLOv7 and YOLOv5 checkpoints, and bare weights with their yaml -> ONNX: rebuilt from the yaml, nothing is run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from onnx.checker import ValidationError

from sightline.errors import ModelError
from sightline.models.importers.checkpoint_files import Files, files_of, labels_of, size_of, yaml_beside
from sightline.models.importers.checkpoint_origin import explain_keys, find_class, refuse_model
from sightline.models.importers.restricted_pickle import Shell
from sightline.models.importers.safetensors_file import read_safetensors
from sightline.models.importers.seam import Foreign, Imported
from sightline.models.importers.stored_tensor import StoredTensor
from sightline.models.importers.stored_weights import StoredWeights, modules_of, tensors_of
from sightline.models.importers.torch_file import open_torch
from sightline.models.importers.yolov7_head import Decoded
from sightline.models.importers.yolov7_network import build_network, strides_of
from sightline.models.importers.yolov7_yaml import Plan, plan_of, read_plan_text
from sightline.models.manifest import InputManifest, Manifest
from sightline.types import ChannelOrder, Resize

__all__ = ["read"]

_GREY = 114.0
_NUMBERED = re.compile(r"((?:\w+\.)*?)model\.\d+\.")


@dataclass(frozen=True, slots=True)
class _Found:
    """What a checkpoint gives. yaml: the value of its yaml. names: of the classes, as the checkpoint has them."""

    weights: StoredWeights
    yaml: object
    where: str
    names: object = None
    kind: str = ""


def read(found: Foreign) -> Imported:
    """The network as an ONNX file in the workspace. Raises ModelError naming file and layer, and the way out."""
    files = files_of(found)
    try:
        if files.weights.suffix.lower() == ".safetensors":
            tensors = read_safetensors(files.weights)
            return _imported(found, files, _bare(files, tensors, ()))
        with open_torch(files.weights, partial(find_class, files.weights.name)) as value:
            return _imported(found, files, _of_value(files, value))
    except OSError as error:
        raise ModelError(f"{files.weights}: cannot be read: {error.strerror or error}") from error


def _of_value(files: Files, value: object) -> _Found:
    """The network in what `torch.save` was given: averaged weights (ema) before those of the last step."""
    file = files.weights.name
    if isinstance(value, Shell):
        return _pickled(files, value)
    if not isinstance(value, dict):
        raise ModelError(f"{file}: it holds a {type(value).__name__}, no network and no weights")
    entries = [key for key in value if isinstance(key, str)]
    for key in ("ema", "model", "net"):
        if isinstance(value.get(key), Shell):
            return _pickled(files, value[key])
    for key in ("ema", "model", "state_dict", "model_state_dict", "net", "weights"):
        inside = value.get(key)
        if isinstance(inside, dict) and isinstance(inside.get("module"), dict):
            inside = inside["module"]
        if isinstance(inside, dict) and _tensors(inside):
            return _bare(files, _tensors(inside), entries)
    if _tensors(value):
        return _bare(files, _tensors(value), entries)
    explain_keys(file, (), entries)
    raise ModelError(
        f"{file}: it holds neither a network nor weights; its entries: {', '.join(entries)[:120] or 'none'}"
    )


def _tensors(value: Mapping[object, object]) -> dict[str, StoredTensor]:
    return {key: item for key, item in value.items() if isinstance(key, str) and isinstance(item, StoredTensor)}


def _pickled(files: Files, model: Shell) -> _Found:
    """A pickled network with its yaml, or with the one that was named in its place."""
    file = files.weights.name
    modules = model.attributes.get("_modules")
    inner = modules.get("model") if isinstance(modules, dict) else None
    if model.kind.rpartition(".")[2].lower() == "autoshape" and isinstance(inner, Shell):
        return _pickled(files, inner)
    if model.kind not in ("models.yolo.Model", "models.yolo.DetectionModel"):
        raise refuse_model(file, model.kind)
    plan = model.attributes.get("yaml") if files.plan is None else read_plan_text(files.plan)
    if not isinstance(plan, dict):
        raise ModelError(
            f"{file}: a {model.kind} that does not hold its yaml\nname the yaml it was trained with as well"
        )
    held = modules_of(model)
    weights = StoredWeights(tensors_of(held), held, file)
    where = f"{file}: its yaml" if files.plan is None else files.plan.name
    return _Found(weights, plan, where, model.attributes.get("names"), model.kind)


def _bare(files: Files, tensors: Mapping[str, StoredTensor], entries: list[str] | tuple[str, ...]) -> _Found:
    """Weights by name with a yaml beside them."""
    file = files.weights.name
    path = files.plan or yaml_beside(files)
    if path is None:
        explain_keys(file, tensors, entries)
        raise ModelError(
            f"{file}: weights without a network: what their layers are stands in the yaml they were trained with\n"
            f"name it as well: sightline import {file} yolov7.yaml"
        )
    return _Found(StoredWeights(_unprefixed(tensors), {}, file), read_plan_text(path), path.name)


def _unprefixed(tensors: Mapping[str, StoredTensor]) -> dict[str, StoredTensor]:
    """Names from `model.` and a layer's number on: wrappers put more before, a bare sequence has only the number."""
    for name in tensors:
        found = _NUMBERED.match(name)
        if found is not None:
            return {key.removeprefix(found[1]): tensor for key, tensor in tensors.items()}
    return {f"model.{key}": tensor for key, tensor in tensors.items()}


def _imported(found: Foreign, files: Files, given: _Found) -> Imported:
    weights, file = given.weights, files.weights.name
    plan = plan_of(given.yaml, given.where)
    classes = _classes(plan, weights)
    changes = ["the network was rebuilt from its yaml and written as ONNX, with decoded boxes"]
    if classes != plan.classes:
        changes.append(f"the weights have {classes} classes, the yaml says {plan.classes}: the weights count")
        plan = plan_of(given.yaml, given.where, classes)
    weights.check_layers(plan)
    stride = round(max(strides_of(plan)))
    # four levels that reach stride 64 are trained at 1280
    size, source = size_of(files, (1280 if stride >= 64 else 640, stride))
    writer, decoded = build_network(plan, weights, size, files.weights.stem)
    unused = weights.unused()
    if unused:
        raise ModelError(
            f"{file}: {len(unused)} weights belong to no layer of its yaml, such as {unused[0]}\n"
            "the yaml is another network's: give the one these weights were trained with"
        )
    try:
        written = writer.save(found.workspace / f"{files.weights.stem}.onnx")
    except ValidationError as error:
        raise ModelError(f"{file}: the network makes no valid graph: {str(error).splitlines()[0]}") from error
    changes.append("normalisation, parallel branches and implicit layers were folded into the convolutions")
    if plan.head.module == "IAuxDetect":
        changes.append("the auxiliary heads, which only training uses, were left out")
    labels, notes = labels_of(files, given.names, plan.classes)
    notes = (*notes, *_remarks(weights, size, source, stride))
    sources = tuple(dict.fromkeys(p for p in (*files.all, source) if p is not None))
    return Imported(written, _manifest(files.weights.stem, plan, decoded, size, labels), sources, tuple(changes), notes)


def _classes(plan: Plan, weights: StoredWeights) -> int:
    """As many as the first convolution of the head has room for."""
    tensor = weights.tensors.get(f"model.{plan.head.index}.m.0.weight")
    if tensor is None:
        there = sorted(
            {int(n.split(".")[1]) for n in weights.tensors if n.startswith("model.") and n.split(".")[1].isdecimal()}
        )
        last = there[-1] if there else "none"
        raise ModelError(
            f"{weights.where}: the head of the yaml is layer {plan.head.index}, the last layer with weights is {last}\n"
            "the yaml is another network's (training and deploy differ): give the one these weights were trained with"
        )
    pairs = plan.anchors if isinstance(plan.anchors, int) else len(plan.anchors[0]) // 2
    other = 47 if plan.head.module == "IBin" else 5
    count = tensor.shape[0] / pairs - other if tensor.shape else 0
    if count < 1 or count != int(count):
        raise ModelError(f"{weights.where}: a head of {list(tensor.shape)} outputs does not fit {pairs} anchors a cell")
    return int(count)


def _remarks(weights: StoredWeights, size: tuple[int, int], source: Path | None, stride: int) -> tuple[str, ...]:
    notes: list[str] = []
    if weights.broken:
        notes.append(
            f"{len(weights.broken)} weights hold values that are no numbers, such as {sorted(weights.broken)[0]}"
        )
    if source is None:
        notes.append(
            f"no file tells the size it was trained at: written for {size[0]}x{size[1]}; for another (a multiple of "
            f"{stride}) put the opt.yaml of the training beside it, with img_size"
        )
    return tuple(notes)


def _manifest(
    name: str, plan: Plan, decoded: Decoded, size: tuple[int, int], labels: tuple[str, ...] | None
) -> Manifest:
    colors = {1: ChannelOrder.GREY, 3: ChannelOrder.RGB}
    picture = InputManifest(
        size=size, color=colors.get(plan.channels), mean=(0.0,), scale=(255.0,), resize=Resize.LETTERBOX, pad=_GREY
    )
    usual = Manifest(name=name, input=picture, labels=labels)
    if decoded.keypoints:
        options: dict[str, object] = {"classes": plan.classes, "dims": 3, "activated": True, "normalized": False}
        return usual.model_copy(update={"task": "pose", "head": "yolov8-pose", "head_options": options})
    return usual.model_copy(update={"task": "detect", "head": "yolov5", "head_options": {"activated": True}})
