"""Outputs of pose networks: a person's keypoints, by regression, heat maps, offsets or part affinity fields."""

from __future__ import annotations

from sightline.models.evidence import Facts, strands
from sightline.models.reading import Reading
from sightline.types import TensorSpec

__all__ = ["read_movenet", "read_posenet"]

PERSON = ("person",)


def read_movenet(facts: Facts) -> Reading | None:
    """[1, 1, K, 3] of one person, [1, P, 56] of several, or [1, 1, 1, 56]: y, x, score as fractions."""
    if len(facts.outputs) != 1:
        return None
    shape = facts.outputs[0].shape
    if len(shape) == 4 and shape[1:] in ((1, 17, 3),):
        why = "17 times y, x and score of one person: MoveNet"
        doubt = "MoveNet's own code keeps the ratio (--resize letterbox --pad 0); most others stretch"
        return Reading("movenet", "movenet", 0.93, (why,), classes=1, names=PERSON, task="pose", doubts=(doubt,))
    if len(shape) == 3 and shape[2] == 56 and (shape[1] is None or shape[1] <= 10):
        why = f"{shape[1]} rows of 17 times y, x, score and a scored box: MoveNet for several people"
        return Reading("movenet-multi", "movenet-multi", 0.93, (why,), classes=1, names=PERSON, task="pose")
    return None


def read_posenet(facts: Facts) -> Reading | None:
    """Heat maps of K channels and short offsets of 2K on one coarse grid, with or without displacements of 2(K-1)."""
    maps = [o for o in facts.outputs if len(o.shape) == 4]
    if len(maps) not in (2, 3, 4, 5):
        return None
    for axis in (3, 1):
        heat = next((o for o in maps if o.shape[axis] == 17), None)
        offset = next((o for o in maps if o.shape[axis] == 34), None)
        if heat is not None and offset is not None and _grid(heat, axis) == _grid(offset, axis):
            return _posenet(facts, maps, heat, offset, axis)
    return None


def _grid(output: TensorSpec, axis: int) -> tuple[int | None, ...]:
    return output.shape[1:3] if axis == 3 else output.shape[2:]


def _posenet(facts: Facts, maps: list[TensorSpec], heat: TensorSpec, offset: TensorSpec, axis: int) -> Reading:
    made = {part.op for part in strands(facts.graph, facts.graph.tensor(heat.name))}
    options: dict[str, object] = {"heat": heat.name, "offset": offset.name}
    if "Sigmoid" in made:
        options["activated"] = True
    moves = [o for o in maps if o.shape[axis] in (32, 64)]
    why = f"heat maps {heat.name} of 17 keypoints and offsets {offset.name}: PoseNet"
    doubts = ("it could tell several people apart; one is read (--head posenet:people=10)",) if moves else ()
    resnet = "resnet" in facts.hints or facts.graph.count("Conv") > 45
    family = "posenet-resnet" if resnet else "posenet"
    return Reading("posenet", family, 0.92, (why,), options, classes=1, names=PERSON, task="pose", doubts=doubts)
