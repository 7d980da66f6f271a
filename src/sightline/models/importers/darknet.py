"""Darknet: a .cfg and its .weights -> ONNX, layer by layer."""

from __future__ import annotations

import json
from dataclasses import dataclass

from onnx.checker import ValidationError

from sightline.errors import ModelError
from sightline.models.graphs.graph_writer import GraphWriter
from sightline.models.importers.darknet_cfg import Section, read_cfg
from sightline.models.importers.darknet_files import Parts, given_labels, parts_of
from sightline.models.importers.darknet_heads import Outcome, outcome_of
from sightline.models.importers.darknet_layers import RECURRENT, write_layer
from sightline.models.importers.darknet_network import Blob, Network
from sightline.models.importers.darknet_weights import Weights, open_weights
from sightline.models.importers.darknet_wts import open_wts
from sightline.models.importers.seam import Foreign, Imported
from sightline.models.labels import fit_labels
from sightline.models.manifest import InputManifest, Manifest
from sightline.types import ChannelOrder, Resize

__all__ = ["Built", "build", "read"]

_GREY = 127.0  # Darknet's letterbox is filled with 0.5


@dataclass(frozen=True, slots=True)
class Built:
    """A network as an ONNX graph that is not written yet."""

    writer: GraphWriter
    outcome: Outcome
    net: Section
    changes: tuple[str, ...]
    warnings: tuple[str, ...]


def read(found: Foreign) -> Imported:
    """The model as an ONNX file in the workspace. Raises ModelError naming file, line and layer."""
    parts = parts_of(found)
    weights = open_wts(parts.weights) if parts.weights.suffix.lower() == ".wts" else open_weights(parts.weights)
    built = build(read_cfg(parts.cfg), weights, parts.cfg.stem)
    try:
        written = built.writer.save(found.workspace / f"{parts.cfg.stem}.onnx")
    except ValidationError as error:
        raise ModelError(f"{parts.cfg}: the network makes no valid graph: {str(error).splitlines()[0]}") from error
    labels, notes = _labels(parts, built.outcome)
    return Imported(
        weights=written,
        manifest=_manifest(parts.cfg.stem, built, labels),
        sources=parts.all,
        changes=("the network of the cfg was written as ONNX", *built.changes),
        warnings=(*built.warnings, *notes),
    )


def build(sections: tuple[Section, ...], weights: Weights, name: str) -> Built:
    """The graph of `sections` ([net] first). Raises ModelError naming file, line and layer."""
    net, *layers = sections
    for layer in layers:
        if layer.kind in RECURRENT:
            raise layer.fault("recurrent layers carry something from frame to frame and are not supported")
    writer = GraphWriter(name)
    network = Network(writer, weights, _start(net, writer))
    warnings: list[str] = []
    for layer in layers:
        network.blobs.append(write_layer(layer, network))
        if layer.repeated:
            warnings.append(f"{layer.file}:{layer.line}: {layer.name}: the first of two {layer.repeated[0]}= counts")
    if not network.ends:
        _last(layers, network)
    outcome = outcome_of(network.ends)
    if outcome.head:
        said = {"head": outcome.head, "options": outcome.options, "classes": outcome.classes}
        writer.remark("darknet", json.dumps(said))
    folded = any(layer.integer("batch_normalize", 0) for layer in layers)
    changes = ("batch normalisation was folded into the weights",) if folded else ()
    return Built(writer, outcome, net, changes, (*warnings, *outcome.warnings, *weights.finish()))


def _start(net: Section, writer: GraphWriter) -> Blob:
    """The input, "data" (N, C, H, W). Raises ModelError where [net] gives no size."""
    sizes = [net.integer(key, 0, 0, 1 << 15) for key in ("width", "height")]
    if not all(sizes):
        raise net.fault("width= and height= are missing: not a network that looks at pictures")
    width, height = sizes
    channels = net.integer("channels", 3, 1, 64)
    writer.input("data", ("N", channels, height, width))
    return Blob("data", channels, height, width)


# Layers after the one whose output counts.
_AFTERTHOUGHTS = ("cost", "dropout", "contrastive", "empty", "silence")


def _last(layers: list[Section], network: Network) -> None:
    """Without detection layers the last one is the output: "prob" (N, classes) or "features" (N, C, H, W)."""
    layer = next((one for one in reversed(layers) if one.kind not in _AFTERTHOUGHTS), layers[-1])
    blob = network.blobs[-1]
    if layer.kind in ("softmax", "soft") and blob.height == blob.width == 1:
        flat = network.reshape(layer, blob.tensor, [blob.channels])
        network.end(layer, "prob", (blob.channels,), flat, blob)
        return
    network.end(layer, "features", (blob.channels, blob.height, blob.width), blob.tensor, blob)


def _labels(parts: Parts, outcome: Outcome) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    table = given_labels(parts)
    if table is None:
        return outcome.names or None, ()
    if not outcome.classes:
        return table.names, ()
    return fit_labels(table, outcome.classes, background=False, one_based=False)


def _manifest(name: str, built: Built, labels: tuple[str, ...] | None) -> Manifest:
    net, outcome = built.net, built.outcome
    size = (net.integer("width", 0), net.integer("height", 0))
    colors = {1: ChannelOrder.GREY, 3: ChannelOrder.RGB}
    resize = Resize.LETTERBOX if net.integer("letter_box", 0) else Resize.STRETCH
    if outcome.task == "classify":
        resize = Resize.CROP
    return Manifest(
        name=name,
        task=outcome.task or None,
        head=outcome.head or None,
        head_options=outcome.options or {},
        input=InputManifest(
            size=size,
            color=colors.get(net.integer("channels", 3)),
            mean=(0.0,),
            scale=(255.0,),
            resize=resize,
            pad=_GREY,
        ),
        labels=labels,
    )
