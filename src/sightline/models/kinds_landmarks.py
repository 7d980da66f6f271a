"""Outputs of landmark networks: a vector of regressed points of a face, a hand or a body."""

from __future__ import annotations

import math

from sightline.models.evidence import Facts, strands
from sightline.models.reading import Reading
from sightline.types import TensorSpec

__all__ = ["read_face_mesh"]

FACE = ("face",)


def numbers(output: TensorSpec) -> int:
    """How many numbers one picture gives; 0 where the shape does not tell."""
    rest = output.shape[1:]
    return math.prod(n for n in rest if n is not None) if rest and None not in rest else 0


def plain_sigmoid(facts: Facts, output: TensorSpec) -> bool:
    """Whether the graph itself ends this output with a sigmoid or softmax."""
    made = {part.op for part in strands(facts.graph, facts.graph.tensor(output.name))}
    return bool(made) and made <= {"Sigmoid", "Softmax"}


def read_face_mesh(facts: Facts) -> Reading | None:
    """MediaPipe's face mesh: 468 points x, y, z (478 with the irises) in input pixels, and the face's logit."""
    mesh = next((o for o in facts.outputs if numbers(o) in (1404, 1434)), None)
    if mesh is None or len(facts.outputs) > 7:
        return None
    flag = next((o for o in facts.outputs if numbers(o) == 1), None)
    points = numbers(mesh) // 3
    options: dict[str, object] = {"points": mesh.name, "dims": 3}
    if flag is not None:
        options |= {"flag": flag.name, "activated": plain_sigmoid(facts, flag)}
    family = "facemesh" if points == 468 and facts.size_wh in ((192, 192), (0, 0)) else "mediapipe"
    why = f"{points} times x, y, z{' and a score' if flag else ''}: MediaPipe's face mesh"
    return Reading("points", family, 0.93, (why,), options, classes=1, names=FACE, task="landmarks")
