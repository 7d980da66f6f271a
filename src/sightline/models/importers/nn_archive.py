"""NN Archive (Luxonis): `config.json` and an executable in one folder, and the older JSON beside a model.

The keys are those of luxonis_ml.nn_archive 0.10; what each does here is told in docs/nn-archive.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from sightline.errors import ModelError
from sightline.models.formats import format_of_file
from sightline.models.graphs.file_graph import graph_of
from sightline.models.graphs.graph import Graph
from sightline.models.importers.contents import above, hand_on, inside, json_object
from sightline.models.importers.nn_archive_heads import HeadSaid, read_head, read_old_head
from sightline.models.importers.seam import Foreign, Imported
from sightline.models.manifest import InputManifest, Manifest, ThresholdManifest
from sightline.types import ChannelOrder, Resize

__all__ = ["read"]

_COMPILED = (".blob", ".superblob", ".dlc", ".hef", ".rknn")
_ASK = (
    "it is compiled for one device; take the ONNX variant of the same model (HubAI, models.luxonis.com: the archive "
    "for conversion holds model.onnx), or the file it was made from"
)
_RESIZES = {"CROP": Resize.CROP, "STRETCH": Resize.STRETCH, "LETTERBOX": Resize.LETTERBOX}


def read(found: Foreign) -> Imported:
    """The model that `config.json` in `found.folder` describes, or an older JSON file at `found.path`.

    Raises ModelError naming key and value where the description is none, or does not fit its model.
    """
    path = found.path if found.path.suffix.lower() == ".json" else found.folder / "config.json"
    config = json_object(path)
    if "nn_config" in config:
        return _old(found, path, config)
    model = _mapping(path, config, "model")
    metadata = _mapping(path, model, "metadata", "model.")
    weights = _executable(path, path.parent, _text(path, metadata, "path", "model.metadata."))
    inner = hand_on(weights, replace(found, format="nn-archive"))
    graph = graph_of(inner.weights)[0]
    inputs = _objects(path, model, "inputs")
    picture = _picture(path, inputs)
    warnings = list(inner.warnings)
    warnings += _fits(path, graph, inputs, same=inner.weights == weights and graph.format == "onnx")
    head = _head(path, model, graph)
    warnings += [f"{path.name}: {line}" for line in head.warnings]
    stated = _text(path, metadata, "name", "model.metadata.", missing=weights.stem)
    manifest = Manifest(
        name=stated,
        task=head.task,
        head=head.head,
        head_options=dict(head.options),
        input=_feeding(path, picture),
        inputs=_others(path, inputs, picture),
        thresholds=ThresholdManifest(score=head.score, nms=head.nms, top=head.top),
        labels=head.labels or None,
    )
    return Imported(
        inner.weights,
        above(manifest, inner.manifest),
        (path, *inner.sources),
        inner.changes,
        tuple(warnings),
        inner.folder,
    )


# -- the older form --------------------------------------------------------------------------------------------------


def _old(found: Foreign, path: Path, config: Mapping[str, object]) -> Imported:
    """`{"nn_config": ..., "mappings": {"labels": [...]}}` beside the one model of its folder."""
    told = _mapping(path, config, "nn_config")
    names = [entry for entry in sorted(path.parent.iterdir()) if entry.is_file() and entry != path]
    models = [entry for entry in names if entry.suffix.lower() in (".onnx", ".xml", ".tflite")]
    own = [entry for entry in models if entry.stem == path.stem]
    if len(own or models) != 1:
        compiled = next((entry for entry in names if entry.suffix.lower() in _COMPILED), None)
        if not models and compiled is not None:
            raise ModelError(f"{compiled}: {_ASK}")
        raise ModelError(f"{path}: {len(models)} models beside it; put its .onnx there, named {path.stem}.onnx")
    inner = hand_on((own or models)[0], replace(found, format="nn-archive"))
    graph = graph_of(inner.weights)[0]
    mappings = config.get("mappings")
    labels = cast("Mapping[str, object]", mappings).get("labels") if isinstance(mappings, dict) else None
    size = None
    words = str(told.get("input_size", "")).lower().split("x")
    if len(words) == 2 and all(word.isdecimal() and 0 < int(word) < 65536 for word in words):
        size = int(words[0]), int(words[1])
    specific = told.get("NN_specific_metadata")
    head = read_old_head(path, cast("dict[str, object]", specific if isinstance(specific, dict) else {}), graph, size)
    names_held = tuple(map(str, labels)) if isinstance(labels, list) else ()
    manifest = Manifest(
        task=head.task,
        head=head.head,
        head_options=dict(head.options),
        input=InputManifest(size=size),
        thresholds=ThresholdManifest(score=head.score, nms=head.nms),
        labels=names_held or None,
    )
    warnings = (*inner.warnings, *(f"{path.name}: {line}" for line in head.warnings))
    return Imported(
        inner.weights, above(manifest, inner.manifest), (path, *inner.sources), inner.changes, warnings, inner.folder
    )


# -- the executable --------------------------------------------------------------------------------------------------


def _executable(path: Path, folder: Path, name: str) -> Path:
    if name.lower().endswith(_COMPILED):
        raise ModelError(f"{path}: its executable is {name}: {_ASK}")
    file = inside(path, folder, name)
    if format_of_file(file) not in ("onnx", "openvino", "tflite"):
        raise ModelError(f"{path}: its executable {name} is of no kind that runs here; {_ASK}")
    return file


def _fits(path: Path, graph: Graph, inputs: list[Mapping[str, object]], *, same: bool) -> list[str]:
    """Whether the description is that of this model: names and shapes of inputs. Raises ModelError where not.

    same: the model is the file itself, whose names nobody changed.
    """
    held = {item.name: item for item in graph.inputs}
    for entry in inputs:
        name = str(entry.get("name", ""))
        if name not in held:
            if same:
                raise ModelError(
                    f"{path}: describes an input {name!r}, but the model has {', '.join(held) or 'none'}; "
                    "it belongs to another model"
                )
            continue
        shape, own = entry.get("shape"), held[name].shape
        if not isinstance(shape, list):
            continue
        agree = len(shape) == len(own) and all(a is None or a == b for a, b in zip(own, shape, strict=False))
        if not agree and sorted(map(str, shape)) != sorted(str(n) for n in own):
            listed = [n if n is not None else "?" for n in own]
            raise ModelError(
                f"{path}: says that input {name!r} is {shape}, but the model's is {listed}".replace("'?'", "?")
            )
    return []


# -- inputs ----------------------------------------------------------------------------------------------------------


def _picture(path: Path, inputs: list[Mapping[str, object]]) -> Mapping[str, object]:
    pictures = [entry for entry in inputs if entry.get("input_type", "image") == "image"]
    if not pictures:
        raise ModelError(f"{path}: model.inputs has none of input_type image; nothing of a video could feed it")
    return pictures[0]


def _others(path: Path, inputs: list[Mapping[str, object]], picture: Mapping[str, object]) -> dict[str, InputManifest]:
    """Further pictures; what feeds raw inputs is not stated by the format."""
    found: dict[str, InputManifest] = {}
    for entry in inputs:
        if entry is not picture and entry.get("input_type", "image") == "image":
            found[str(entry.get("name", ""))] = _feeding(path, entry).model_copy(update={"source": "view"})
    return found


def _feeding(path: Path, entry: Mapping[str, object]) -> InputManifest:
    """size, colour, mean, scale and resize of one input; None where it is silent.

    dai_type, or else the older reverse_channels (true: RGB), tells the order that the model wants.
    """
    said = entry.get("preprocessing")
    steps = cast("Mapping[str, object]", said) if isinstance(said, dict) else {}
    color: ChannelOrder | None = None
    kind = steps.get("dai_type")
    turned = steps.get("reverse_channels")
    if isinstance(kind, str):
        orders = {"RGB": ChannelOrder.RGB, "BGR": ChannelOrder.BGR, "GRA": ChannelOrder.GREY, "RAW": ChannelOrder.GREY}
        color = orders.get(kind[:3].upper())
        if color is None:
            raise ModelError(
                f"{path}: preprocessing.dai_type {kind[:40]!r}: expected RGB888p, BGR888p, GRAY8 or the like"
            )
    elif isinstance(turned, bool):
        color = ChannelOrder.RGB if turned else ChannelOrder.BGR
    mean, scale = _numbers(path, steps, "mean"), _numbers(path, steps, "scale")
    if scale is not None and 0 in scale:
        raise ModelError(f"{path}: preprocessing.scale holds 0, which nothing can be divided by")
    mode = steps.get("resize_mode")
    resize = _RESIZES.get(str(mode)) if mode is not None else None
    if mode is not None and resize is None:
        raise ModelError(f"{path}: preprocessing.resize_mode {str(mode)[:40]!r}: expected CROP, STRETCH or LETTERBOX")
    return InputManifest(size=_size(path, entry), color=color, mean=mean, scale=scale, resize=resize)


def _size(path: Path, entry: Mapping[str, object]) -> tuple[int, int] | None:
    shape = entry.get("shape")
    if not isinstance(shape, list) or len(shape) not in (3, 4):
        return None
    if not all(isinstance(n, int) and -1 <= n < 65536 for n in shape):
        raise ModelError(f"{path}: model.inputs.shape {str(shape)[:60]}: expected whole numbers below 65536")
    default = ("NCHW" if shape[1] in (1, 3) else "NHWC") if len(shape) == 4 else "CHW"
    layout = str(entry.get("layout") or default).upper()
    if len(layout) != len(shape) or "H" not in layout or "W" not in layout:
        return None
    width, height = shape[layout.index("W")], shape[layout.index("H")]
    return (width, height) if width > 0 and height > 0 else None


def _numbers(path: Path, steps: Mapping[str, object], key: str) -> tuple[float, ...] | None:
    value = steps.get(key)
    if value is None:
        return None
    numbers = cast("list[object]", value) if isinstance(value, list) else [value]
    plain = tuple(float(n) for n in numbers if isinstance(n, int | float) and abs(n) < 1e9)
    if len(numbers) not in (1, 3) or len(plain) != len(numbers):
        raise ModelError(f"{path}: preprocessing.{key} {str(value)[:60]}: expected one number, or one a channel")
    return plain[:1] if len(set(plain)) == 1 else plain


# -- heads -----------------------------------------------------------------------------------------------------------


def _head(path: Path, model: Mapping[str, object], graph: Graph) -> HeadSaid:
    """The first head that has a counterpart here; the others are named."""
    if not model.get("heads"):
        return HeadSaid()
    heads = _objects(path, model, "heads")
    said = [read_head(path, entry, graph) for entry in heads]
    chosen = next((i for i, one in enumerate(said) if one.head), 0)
    passed = [str(entry.get("parser", "?")) for i, entry in enumerate(heads) if i != chosen]
    if not passed:
        return said[chosen]
    line = f"of its {len(heads)} heads {heads[chosen].get('parser', '?')} is read, not {', '.join(passed)[:120]}"
    return replace(said[chosen], warnings=(*said[chosen].warnings, line))


# -- JSON ------------------------------------------------------------------------------------------------------------


def _mapping(path: Path, held: Mapping[str, object], key: str, where: str = "") -> Mapping[str, object]:
    value = held.get(key)
    if not isinstance(value, dict):
        raise ModelError(f"{path}: {where}{key} is missing or no object; an NN Archive needs it")
    return cast("Mapping[str, object]", value)


def _objects(path: Path, held: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    value = held.get(key)
    if not isinstance(value, list) or not value or not all(isinstance(entry, dict) for entry in value):
        raise ModelError(f"{path}: model.{key} is missing or no list of objects; an NN Archive needs it")
    return cast("list[Mapping[str, object]]", value)


def _text(path: Path, held: Mapping[str, object], key: str, where: str, missing: str = "") -> str:
    value = held.get(key, missing)
    if not isinstance(value, str) or not value:
        raise ModelError(f"{path}: {where}{key} is missing or no text; an NN Archive needs it")
    return value
