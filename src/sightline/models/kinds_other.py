"""What is no detector: named, so that the answer is better than "unknown"."""

from __future__ import annotations

from sightline.models.evidence import Facts, strands
from sightline.models.reading import Reading

__all__ = ["read_other"]


def read_other(facts: Facts) -> Reading | None:
    """Classification, embedding, segmentation, text, heat-map pose; None where nothing fits."""
    if len(facts.outputs) != 1:
        return None
    output = facts.outputs[0]
    shape = output.shape
    made = {part.op for part in strands(facts.graph, facts.graph.tensor(output.name))}
    one = shape[0] in (1, None) or shape[0] == facts.picture.shape[0]
    flat = one and (len(shape) == 2 or (len(shape) == 4 and shape[2:] == (1, 1)))
    if flat and shape[1] is not None:
        classes = "Softmax" in made or shape[1] in (1000, 1001)
        task = "classification" if classes else "embedding"
        what = "scores of one picture" if classes else "numbers that describe the picture"
        return Reading(
            "", "unknown", 0.8, (f"output {output.name} holds {shape[1]} {what}",), classes=shape[1], task=task
        )
    if "classify" in facts.graph.metadata.get("task", ""):
        return Reading("", "ultralytics", 0.95, ("its metadata says so",), task="classification")
    if len(shape) == 3 and facts.size_wh[1] in (32, 48) and "Softmax" in made:
        why = f"a line of text {facts.size_wh[1]} pixels high in, a row of symbols out"
        return Reading("", "unknown", 0.8, (why,), task="text recognition")
    maps = [n for n in shape if n is None or n > 16]
    bare = len(shape) == 2 and all(n is None or n in _sides(facts) for n in shape)
    if len(maps) >= 2 and (bare or (len(shape) in (3, 4) and "Sigmoid" in made and shape[1] == 1)):
        why = f"output {output.name} is a map of probabilities"
        return Reading("", "unknown", 0.6, (why,), task="segmentation")
    if len(shape) == 4 and facts.size_wh[1] and shape[2] in (facts.size_wh[1], facts.size_wh[1] // 4):
        return Reading("", "unknown", 0.6, (f"output {output.name} is a map of classes",), task="segmentation")
    return None


def _sides(facts: Facts) -> set[int]:
    """What the sides of a map of the picture can be."""
    return {side // scale for side in facts.size_wh for scale in (1, 2, 4, 8)} - {0}
