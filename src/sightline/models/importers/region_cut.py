"""An OpenVINO IR that ends in RegionYolo: cut before it, so that our head decodes the grid itself."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from sightline.errors import ModelError, OutputError

__all__ = ["cut_region"]


def cut_region(xml: Path, weights: Path, target: Path) -> tuple[float, ...]:
    """Writes `xml` without its one RegionYolo as `target`, its weights beside it; returns the op's anchors (cells).

    The op flattens the grid and takes sigmoids, which loses where each value was. Raises ModelError where it is not
    the end of the network, OutputError.
    """
    try:
        root = ElementTree.fromstring(xml.read_bytes())
    except (ElementTree.ParseError, ValueError, OSError) as error:
        raise ModelError(f"{xml}: not an OpenVINO IR: {error}; copy or export the model again") from error
    layers, edges = root.find("layers"), root.find("edges")
    if layers is None or edges is None:
        raise ModelError(f"{xml}: not an OpenVINO IR (a <net> with <layers> and <edges>)")
    region = next((layer for layer in layers if layer.get("type") == "RegionYolo"), None)
    into = [edge for edge in edges if region is not None and edge.get("to-layer") == region.get("id")]
    out = [edge for edge in edges if region is not None and edge.get("from-layer") == region.get("id")]
    results = {layer.get("id"): layer for layer in layers if layer.get("type") == "Result"}
    if region is None or len(into) != 1 or len(out) != 1 or out[0].get("to-layer") not in results:
        raise ModelError(f"{xml}: its RegionYolo is not the last of its layers; export it to ONNX instead")
    told = region.find("data")
    anchors = _numbers("" if told is None else told.get("anchors", ""))
    out[0].set("from-layer", into[0].get("from-layer", ""))
    out[0].set("from-port", into[0].get("from-port", ""))
    _same_dims(region, results[out[0].get("to-layer")])
    edges.remove(into[0])
    layers.remove(region)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        ElementTree.ElementTree(root).write(target, encoding="utf-8", xml_declaration=True)
        shutil.copyfile(weights, target.with_suffix(".bin"))
    except OSError as error:
        raise OutputError(f"{target}: the converted model cannot be written: {error.strerror}") from error
    return anchors


def _same_dims(region: Element, result: Element) -> None:
    """The result's input as large as the region's."""
    given, taken = region.find("input/port"), result.find("input/port")
    if given is None or taken is None:
        return
    for old in taken.findall("dim"):
        taken.remove(old)
    taken.extend(given.findall("dim"))


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split(",") if word.strip())
    except ValueError:
        return ()
