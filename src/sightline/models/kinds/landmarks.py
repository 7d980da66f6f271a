"""Outputs of landmark networks: a vector of regressed points of a face or a hand."""

from __future__ import annotations

import math
import re

import numpy as np

from sightline.models.kinds.evidence import Facts, from_the_zoo, strands
from sightline.models.kinds.reading import Reading
from sightline.types import F32, TensorSpec

__all__ = ["read_face_mesh", "read_hand", "read_landmarks"]

FACE = ("face",)
_NAMED = re.compile(r"landmark|lmk|pfld|keypoint|kpt|106det|1k3d68|face_?mesh|face_?points|face_?align|onet|fpenet")


def _numbers(output: TensorSpec) -> int:
    """How many numbers one picture gives; 0 where the shape does not tell."""
    return math.prod(n or 0 for n in output.shape[1:]) if len(output.shape) > 1 else 0


def _made(facts: Facts, output: TensorSpec) -> set[str]:
    return {part.op for part in strands(facts.graph, facts.graph.tensor(output.name))}


def _probable(facts: Facts, output: TensorSpec) -> bool:
    """Whether the graph itself ends this output with a sigmoid or softmax."""
    made = _made(facts, output)
    return bool(made) and made <= {"Sigmoid", "Softmax"}


# -- MediaPipe -------------------------------------------------------------------------------------------------------


def read_face_mesh(facts: Facts) -> Reading | None:
    """MediaPipe's face mesh (468 points x, y, z, or 478 with the irises, and a score) and its iris network."""
    counts = {o.name: _numbers(o) for o in facts.outputs}
    if sorted(counts.values()) == [15, 213]:
        return _iris(facts, counts)
    mesh = next((o for o in facts.outputs if counts[o.name] in (1404, 1434)), None)
    if mesh is None or len(facts.outputs) > 7:
        return None
    flag = next((o for o in facts.outputs if counts[o.name] == 1), None)
    points = counts[mesh.name] // 3
    options: dict[str, object] = {"points": (mesh.name,), "dims": 3}
    if flag is not None:
        options |= {"flag": flag.name, "activated": _probable(facts, flag)}
    old = points == 468 and facts.size_wh in ((192, 192), (0, 0)) and len(facts.outputs) <= 2
    why = f"{points} times x, y, z{' and a score' if flag else ''}: MediaPipe's face mesh"
    family = "facemesh" if old else "mediapipe"
    return Reading("points", family, 0.93, (why,), options, classes=1, names=FACE, task="landmarks")


def _iris(facts: Facts, counts: dict[str, int]) -> Reading:
    contour = next(name for name, count in counts.items() if count == 213)
    iris = next(name for name, count in counts.items() if count == 15)
    options: dict[str, object] = {"points": (contour, iris), "dims": 3}
    why = "71 points of an eye's contour and 5 of its iris: MediaPipe's iris network"
    family = "facemesh" if facts.size_wh == (64, 64) else "mediapipe"
    return Reading("points", family, 0.9, (why,), options, classes=1, names=("eye",), task="landmarks")


def read_hand(facts: Facts) -> Reading | None:
    """MediaPipe's hand: 21 points x, y, z in input pixels, a score, which hand it is, and the points in space."""
    named = sorted(facts.outputs, key=lambda o: _in_order(o.name))
    points = [o for o in named if _numbers(o) == 63]
    single = [o for o in named if _numbers(o) == 1]
    if not points or not single or len(points) > 2 or len(single) > 2 or len(points) + len(single) != len(named):
        return None
    screen = next((o for o in points if "world" not in o.name.lower()), points[0])
    space = next((o for o in points if o is not screen), None)
    side = next((o for o in single if re.search(r"handed|left|right", o.name.lower())), None)
    flag = next((o for o in single if o is not side), single[0])
    if side is None and len(single) == 2:
        side = next(o for o in single if o is not flag)
    options: dict[str, object] = {"points": (screen.name,), "dims": 3, "flag": flag.name}
    options["activated"] = _probable(facts, flag)
    if space is not None:
        options["world"] = space.name
    if side is not None and side is not flag:
        options["handed"] = side.name
    why = "21 times x, y, z and a score: MediaPipe's hand"
    return Reading("points", "mediapipe", 0.92, (why,), options, classes=1, names=("hand",), task="pose")


def _in_order(name: str) -> tuple[str, int]:
    """Names that only differ in the number behind them, by that number: "Identity" before "Identity_1"."""
    head, number = re.fullmatch(r"(.*?)[_:]?(\d*)", name).groups() if name else ("", "")  # pyright: ignore[reportOptionalMemberAccess]
    return head, int(number or -1)


# -- faces as vectors ------------------------------------------------------------------------------------------------

# numbers of usual landmarks; counts of classes as well, so that more has to speak for them
_VECTORS = frozenset({10, 28, 34, 42, 70, 136, 196, 212})


def read_landmarks(facts: Facts) -> Reading | None:
    """FPENet; InsightFace's 106 and 68 points; vectors of 5, 35, 68, 98 or 106 points."""
    counts = {o.name: _numbers(o) for o in facts.outputs}
    if facts.named("softargmax") is not None:
        return _fpenet(facts)
    if list(counts.values()) == [3309]:
        options: dict[str, object] = {"dims": 3, "unit": "signed", "keep": -68}
        why = "1103 times x, y, z, the last 68 of them the landmarks: InsightFace's 1k3d68"
        return Reading("points", "insightface-landmarks", 0.9, (why,), options, classes=1, names=FACE, task="landmarks")
    vectors = [o for o in facts.outputs if counts[o.name] in _VECTORS or _neighbours_alike(facts, o)]
    others = [o for o in facts.outputs if o not in vectors]
    # PFLD hands its features out beside the landmarks
    if len(vectors) != 1 or any(len(o.shape) != 4 for o in others) or len(facts.outputs) > 2:
        return None
    return _vector(facts, vectors[0], counts[vectors[0].name])


def _fpenet(facts: Facts) -> Reading | None:
    """68, 80 or 104 points that a soft argmax reads off heat maps."""
    named = [o for o in facts.outputs if "softargmax" in o.name.lower()]
    points = next((o for o in named if len(o.shape) == 3 and o.shape[2] == 2), None)
    if points is None:
        return None
    scores = next((o for o in named if o.shape[1:] == points.shape[1:2]), None)
    options: dict[str, object] = {"points": (points.name,), "dims": 2}
    if scores is not None:
        options |= {"scores": scores.name, "visible_activated": True}
    confident = " with their confidence" if scores is not None else ""
    why = f"{points.shape[1]} points {points.name} in input pixels{confident}: TAO's FPENet"
    return Reading("points", "tao-grey", 0.92, (why,), options, classes=1, names=FACE, task="landmarks")


def _vector(facts: Facts, output: TensorSpec, count: int) -> Reading | None:
    """A vector of points, if its name says so or the numbers it starts from are those of a mean face."""
    made, points = _made(facts, output), count // 2
    if "Softmax" in made:
        return None
    named = _NAMED.search(facts.hints) is not None or "align_fc" in output.name
    small = count == 10 and facts.size_wh == (48, 48) and made == {"Sigmoid"}
    unit, why = _unit(facts, output, made)
    alike = _neighbours_alike(facts, output)
    if not named and not small and not alike and not (unit and count >= 70):
        return None
    if alike:
        why = f"{why}; in its weights every point moves with the one before it"
    what = f"output {output.name} holds x and y of {points} points{why}"
    options: dict[str, object] = {"points": (output.name,), "dims": 2}
    family = "open-model-zoo" if from_the_zoo(facts) else "face-landmarks"
    if count == 212 and (facts.size_wh == (192, 192) or "106det" in facts.hints):
        family, unit = "insightface-landmarks", unit or "signed"
    if from_the_zoo(facts) and not unit:
        unit = "fractions"
    asked: tuple[tuple[str, tuple[str, ...], str], ...] = ()
    if unit:
        options["unit"] = unit
    else:
        units = ("points:unit=fractions", "points:unit=pixels", "points:unit=signed")
        asked = (("--head", units, f"{points} points, as fractions or pixels of the input, or -1..1"),)
    return Reading("points", family, 0.85, (what,), options, classes=1, names=FACE, task="landmarks", open=asked)


def _unit(facts: Facts, output: TensorSpec, made: set[str]) -> tuple[str, str]:
    """In what the points are, and why: by the last activation, else by the numbers that the last layer adds."""
    if made == {"Sigmoid"}:
        return "fractions", ", through a sigmoid: fractions"
    if made == {"Tanh"}:
        return "signed", ", through a tangent: -1..1"
    mean = _added(facts, output)
    if mean is None or len(mean) != _numbers(output):
        return "", ""
    spread = float(mean.std())
    if spread < 0.1:
        return "", ""
    if float(np.abs(mean).max()) > 4:
        return "pixels", ", starting from a mean face in pixels"
    if 0.25 < float(mean.mean()) < 0.75 and mean.min() > -0.3 and mean.max() < 1.3:
        return "fractions", ", starting from a mean face in fractions"
    if abs(float(mean.mean())) < 0.3 and np.abs(mean).max() < 1.3 and spread > 0.2:
        return "signed", ", starting from a mean face of -1..1"
    return "", ""


def _added(facts: Facts, output: TensorSpec) -> F32 | None:
    """The bias of the layer that makes an output; None where there is none, or it cannot be read."""
    makers = facts.graph.makers(facts.graph.tensor(output.name))
    if len(makers) != 1:
        return None
    node = makers[0]
    names = node.inputs[2:3] if node.op in ("Gemm", "Conv") else node.inputs if node.op == "Add" else ()
    for name in names:
        value = facts.graph.value(name) if name in facts.graph.shapes else None
        if value is not None and value.dtype.kind == "f":
            return np.asarray(value, np.float32).ravel()
    return None


def _neighbours_alike(facts: Facts, output: TensorSpec) -> bool:
    """Whether the last layer's rows are those of points: x alike the x of the point before, and unlike its own y.

    Neighbouring points move together, so their correlation is above 0.8 in published files; classes have none, and
    no more between every second one than between neighbours.
    """
    count = _numbers(output)
    rows = _last_rows(facts, output) if count >= 20 and count % 2 == 0 else None
    if rows is None or rows.ndim != 2 or len(rows) != count or rows.shape[1] < 8:
        return False
    rows = rows - rows.mean(0)
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    second, next_ = float((rows[:-2] * rows[2:]).sum(1).mean()), float((rows[:-1] * rows[1:]).sum(1).mean())
    return second > 0.5 and second - next_ > 0.4


def _last_rows(facts: Facts, output: TensorSpec) -> F32 | None:
    """The weights (numbers, features) of the layer that makes an output, behind its bias; None where not found."""
    graph = facts.graph
    makers = graph.makers(graph.tensor(output.name))
    if len(makers) == 1 and makers[0].op == "Add":
        computed = [name for name in makers[0].inputs if name in graph.maker]
        makers = graph.makers(computed[0]) if len(computed) == 1 else ()
    if len(makers) != 1 or makers[0].op not in ("Gemm", "MatMul", "Conv"):
        return None
    name = makers[0].inputs[1]
    shape, count = graph.shapes.get(name, ()), _numbers(output)
    # larger layers are no head of points, and cost to read
    if len(shape) < 2 or count not in (shape[0], shape[1]) or math.prod(shape) > 8_000_000:
        return None
    value = graph.value(name)
    if value is None or value.dtype.kind != "f":
        return None
    flat = value.astype(np.float32)
    return flat.reshape(count, -1) if shape[0] == count else flat.reshape(shape[0], -1).T
