"""Outputs of pose networks: people's keypoints, by regression, heat maps, offsets or part affinity fields."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sightline.models.kinds.evidence import Facts, from_the_zoo, strands
from sightline.models.kinds.reading import Reading
from sightline.types import TensorSpec

__all__ = ["read_bodies", "read_heat_points", "read_movenet", "read_part_fields", "read_posenet", "read_simcc"]

PERSON = ("person",)
_POSES = re.compile(r"pose|hrnet|simplebaseline|simple_?baseline|keypoint|kpt|body")
_LANDMARKS = re.compile(r"landmark|lmk|(^|[^a-z])fan([^a-z]|$)|face")
_HANDS = re.compile(r"hand")
# Counts of heat maps that are keypoints by themselves, and those that only a name makes so.
_BODY_COUNTS, _FACE_COUNTS = (17, 133), (68, 98, 106)
_NAMED_COUNTS = (11, 13, 14, 15, 16, 18, 19, 20, 21, 23, 26, 29)


def read_movenet(facts: Facts) -> Reading | None:
    """[1, 1, 17, 3] of one person, [1, P, 56] of several: y, x, score as fractions."""
    if len(facts.outputs) != 1:
        return None
    shape = facts.outputs[0].shape
    doubts = ("MoveNet's own code keeps the ratio (--resize letterbox --pad 0); most others stretch",)
    if len(shape) == 4 and shape[1:] == (1, 17, 3):
        why = "17 times y, x and score of one person: MoveNet"
        return Reading("movenet", "movenet", 0.93, (why,), classes=1, names=PERSON, task="pose", doubts=doubts)
    if len(shape) == 3 and shape[2] == 56 and (shape[1] is None or shape[1] <= 10):
        why = "rows of 17 times y, x, score and a scored box: MoveNet for several people"
        return Reading(
            "movenet-multi", "movenet-multi", 0.93, (why,), classes=1, names=PERSON, task="pose", doubts=doubts
        )
    return None


def read_posenet(facts: Facts) -> Reading | None:
    """Heat maps of 17 channels and short offsets of 34 on one coarse grid, with or without displacements."""
    maps = _maps(facts)
    if len(maps) not in (2, 3, 4, 5):
        return None
    for axis in (3, 1):
        offset = next((o for o in maps if o.shape[axis] == 34), None)
        heats = [o for o in maps if o.shape[axis] == 17 and o is not offset]
        heat = next((o for o in heats if "heat" in o.name.lower()), heats[0] if heats else None)
        if heat is not None and offset is not None and _grid(heat, axis) == _grid(offset, axis):
            return _posenet(facts, maps, heat, offset, axis)
    return None


def _maps(facts: Facts) -> list[TensorSpec]:
    return [o for o in facts.outputs if len(o.shape) == 4]


def _grid(output: TensorSpec, axis: int) -> tuple[int | None, ...]:
    return output.shape[1:3] if axis == 3 else output.shape[2:]


def _made(facts: Facts, output: TensorSpec) -> set[str]:
    return {part.op for part in strands(facts.graph, facts.graph.tensor(output.name))}


def _posenet(facts: Facts, maps: Sequence[TensorSpec], heat: TensorSpec, offset: TensorSpec, axis: int) -> Reading:
    options: dict[str, object] = {"heat": heat.name, "offset": offset.name}
    if "Sigmoid" in _made(facts, heat):
        options["activated"] = True
    moves = [o for o in maps if o.shape[axis] in (32, 64)]
    why = f"heat maps {heat.name} of 17 keypoints and offsets {offset.name}: PoseNet"
    doubts = ("it could tell several people apart; one is read (--head posenet:people=10)",) if moves else ()
    resnet = "resnet" in facts.hints or facts.graph.count("Conv") > 45
    family = "posenet-resnet" if resnet else "posenet"
    return Reading("posenet", family, 0.92, (why,), options, classes=1, names=PERSON, task="pose", doubts=doubts)


# -- heat maps and axes ----------------------------------------------------------------------------------------------


def read_simcc(facts: Facts) -> Reading | None:
    """Two outputs [N, K, n*W] and [N, K, n*H]: SimCC, RTMPose."""
    if len(facts.outputs) != 2 or any(len(o.shape) != 3 for o in facts.outputs) or 0 in facts.size_wh:
        return None
    width, height = facts.size_wh
    x, y = facts.named("simcc_x"), facts.named("simcc_y")
    if x is None or y is None:
        x, y = facts.outputs
        if width != height and (x.shape[2] or 0) * height == (y.shape[2] or 0) * width:
            pass
        elif (y.shape[2] or 0) * height == (x.shape[2] or 0) * width and width != height:
            x, y = y, x
        elif width != height or x.shape != y.shape:
            return None
    across, down = x.shape[2] or 0, y.shape[2] or 0
    split = across / width
    points = x.shape[1]
    if points != y.shape[1] or points is None or split < 1 or down != split * height:
        return None
    why = f"{points} keypoints as classes along x ({x.name}) and y ({y.name}), {split:g} a pixel: SimCC, RTMPose"
    options: dict[str, object] = {"x": x.name, "y": y.name, "split": split}
    face = points in _FACE_COUNTS
    names = ("face",) if face else ("hand",) if points == 21 else PERSON
    task = "landmarks" if face else "pose"
    return Reading("simcc", "top-down", 0.93, (why,), options, classes=1, names=names, task=task)


def read_heat_points(facts: Facts) -> Reading | None:
    """One map a keypoint at a quarter of the input: HRNet, SimpleBaseline, ViTPose, FAN, 98 facial landmarks."""
    maps = _maps(facts)
    if not maps or len(maps) != len(facts.outputs) or len({o.shape for o in maps}) != 1 or 0 in facts.size_wh:
        return None
    output = maps[-1]
    axis = next((axis for axis in (1, 3) if _quarter(facts, _grid(output, axis))), 0)
    count = output.shape[axis] if axis else None
    if count is None or "Softmax" in _made(facts, output):
        return None
    face = count in _FACE_COUNTS or (count in _NAMED_COUNTS and _LANDMARKS.search(facts.hints) is not None)
    body = count in _BODY_COUNTS or (count in _NAMED_COUNTS and _POSES.search(facts.hints) is not None)
    hand = count == 21 and _HANDS.search(facts.hints) is not None
    if not (face or body or hand):
        return None
    return _heat_points(facts, output, axis, count, "face" if face and not body else "hand" if hand else "person")


def _quarter(facts: Facts, grid: tuple[int | None, ...]) -> bool:
    high, wide = grid
    width, height = facts.size_wh
    return (wide, high) in ((width // 4, height // 4), (width // 8, height // 8), (width // 2, height // 2))


def _heat_points(facts: Facts, output: TensorSpec, axis: int, count: int, of: str) -> Reading:
    options: dict[str, object] = {"output": output.name, "channels_last": axis == 3}
    family = "top-down"
    if from_the_zoo(facts):
        family = "open-model-zoo"
    elif of == "face" and facts.size_wh == (256, 256) and count == 68:
        family, options["centred"] = "fan", True
    elif of == "face":
        family = "face-landmarks"
    why = f"output {output.name}: a heat map for each of {count} keypoints"
    task = "landmarks" if of == "face" else "pose"
    return Reading("heat-points", family, 0.85, (why,), options, classes=1, names=(of,), task=task)


# -- several people --------------------------------------------------------------------------------------------------

# (keypoints, channels of the field) -> the layout of the head
_FIELDS = {(18, 38): "coco18", (25, 52): "body25", (15, 28): "mpi15", (18, 42): "trt-pose"}


def read_part_fields(facts: Facts) -> Reading | None:
    """Heat maps and part affinity fields of OpenPose, Lightweight OpenPose, BodyPoseNet or trt_pose."""
    maps = _maps(facts)
    if not maps or len(maps) != len(facts.outputs):
        return None
    for axis in (1, 3):
        depths = [o.shape[axis] or 0 for o in maps]
        for (points, field), layout in _FIELDS.items():
            heats = [o for o, d in zip(maps, depths, strict=True) if d in (points, points + 1)]
            fields = [o for o, d in zip(maps, depths, strict=True) if d == field]
            if heats and fields and len(heats) + len(fields) == len(maps):
                options: dict[str, object] = {"layout": layout, "heat": heats[-1].name, "field": fields[-1].name}
                what = f"heat maps {heats[-1].name} of {points} keypoints and fields {fields[-1].name} of "
                return _part_fields(facts, what + f"{field // 2} limbs", options, axis)
            if len(maps) == 1 and depths == [points + 1 + field]:
                what = f"{points} heat maps, a background and the fields of {field // 2} limbs in one output"
                return _part_fields(facts, what, {"layout": layout}, axis)
    return None


def _part_fields(facts: Facts, what: str, options: dict[str, object], axis: int) -> Reading:
    layout = options["layout"]
    family = "openpose"
    if from_the_zoo(facts):
        family = "open-model-zoo"
    elif layout == "trt-pose":
        family = "trt-pose"
    elif facts.named("heatmap_out") is not None or (axis == 3 and layout == "coco18"):
        family = "bodyposenet"
    elif facts.named("stage") is not None or "lightweight" in facts.hints:
        family = "lightweight-openpose"
    why = f"{what}: part affinity fields"
    return Reading("part-fields", family, 0.93, (why,), options, classes=1, names=PERSON, task="pose")


# -- bodies as vectors -----------------------------------------------------------------------------------------------


def read_bodies(facts: Facts) -> Reading | None:
    """BlazePose's landmarks; TAO's BodyPose3DNet."""
    names = {o.name.lower() for o in facts.outputs}
    if {"pose2d", "pose3d"} <= names:
        return _body_3d(facts)
    return _blazepose(facts)


def _body_3d(facts: Facts) -> Reading:
    points = next(o.name for o in facts.outputs if o.name.lower() == "pose2d")
    space = next(o.name for o in facts.outputs if o.name.lower() == "pose3d")
    options: dict[str, object] = {"points": (points,), "dims": 3, "visible": 2, "activated": True, "world": space}
    # the camera only matters to the pose in space
    sources = {item.name: "zeros" for item in facts.others if len(item.shape) < 4}
    doubts = ("the pose in space needs the camera (inputs in model.yaml); without it only the 2-D pose is right",)
    why = "outputs pose2d, pose25d and pose3d of 34 keypoints: TAO's BodyPose3DNet"
    return Reading(
        "points",
        "bodypose3d",
        0.9,
        (why,),
        options,
        classes=1,
        names=PERSON,
        task="pose",
        doubts=doubts,
        sources=sources,
    )


# numbers of BlazePose's screen landmarks -> numbers a point, points that are the body
_BLAZE = {195: (5, 33), 165: (5, 33), 124: (4, 25)}


def _blazepose(facts: Facts) -> Reading | None:
    flat = {o.name: _numbers(o) for o in facts.outputs}
    screen = next((n for n, count in flat.items() if count in _BLAZE), "")
    flag = next((o for o in facts.outputs if flat[o.name] == 1), None)
    if not screen or flag is None or len(facts.outputs) > 6:
        return None
    dims, keep = _BLAZE[flat[screen]]
    options: dict[str, object] = {
        "points": (screen,),
        "dims": dims,
        "visible": 3,
        "keep": keep,
        "flag": flag.name,
        "activated": _made(facts, flag) == {"Sigmoid"},
        "visible_activated": False,
    }
    space = next((n for n, count in flat.items() if count in (99, 117)), "")
    if space:
        options["world"] = space
    why = f"{keep} of {flat[screen] // dims} points with visibility, and a score: BlazePose"
    return Reading("points", "mediapipe", 0.93, (why,), options, classes=1, names=PERSON, task="pose")


def _numbers(output: TensorSpec) -> int:
    count = 1
    for n in output.shape[1:]:
        count *= n or 0
    return count
