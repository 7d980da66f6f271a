"""The file that a runtime loads -> its graph, whichever of the two formats it is in."""

from __future__ import annotations

from pathlib import Path

from sightline.errors import ModelError
from sightline.models.graphs.graph import Graph
from sightline.models.locate import weights_beside

__all__ = ["graph_of"]


def graph_of(weights: Path, ir_weights: Path | None = None) -> tuple[Graph, tuple[Path, ...]]:
    """The graph of an .onnx, or of an .xml with its .bin, and every file that it is made of.

    ir_weights: the .bin where it is not to be looked for beside the .xml. Raises ModelError.
    """
    # each format's reader brings a library that the other does not need
    if weights.suffix.lower() == ".xml":
        from sightline.models.graphs.read_openvino import read_openvino

        beside = ir_weights or weights_beside(weights)
        return read_openvino(weights, beside), (weights, beside)
    from sightline.models.graphs.read_onnx import external_files, parse_onnx, read_onnx

    try:
        data = weights.read_bytes()
    except OSError as error:
        raise ModelError(f"{weights}: cannot be read: {error.strerror}") from error
    model = parse_onnx(data, weights)
    return read_onnx(model, weights), (weights, *external_files(model, weights))
