"""Outputs that are numbers about a face or a body in time: head pose, gaze, pulse, windows of skeletons."""

from __future__ import annotations

import re

from sightline.models.kinds.evidence import Facts, from_the_zoo
from sightline.models.kinds.reading import Reading
from sightline.types import TensorSpec

__all__ = ["read_angles", "read_gaze", "read_pulse", "read_skeletons"]

_HEADS = re.compile(r"head_?-?pose|hopenet|whenet|fsa_?net|6drep|angle")
_GAZES = re.compile(r"gaze|l2cs")


def _width(output: TensorSpec) -> int:
    """Numbers a picture; 0 where open."""
    count = 1
    for n in output.shape[1:]:
        count *= n or 0
    return count


def read_angles(facts: Facts) -> Reading | None:
    """Yaw, pitch and roll: three outputs of one number or 66 bins, one of three numbers, or a rotation."""
    outputs, widths = facts.outputs, [_width(o) for o in facts.outputs]
    found = [facts.named(*words) for words in (("angle_y", "yaw"), ("angle_p", "pitch"), ("angle_r", "roll"))]
    by_name = [o.name for o in found if o is not None]
    if len(outputs) == 3 and len(set(by_name)) == 3 and len(set(widths)) == 1:
        why = f"outputs {', '.join(by_name)}: the angles of a head"
        family = "open-model-zoo" if from_the_zoo(facts) else "hopenet"
        return Reading("head-pose", family, 0.95, (why,), {"outputs": tuple(by_name)}, task="gaze")
    shape = outputs[0].shape
    if len(outputs) == 1 and shape[1:] == (3, 3) and facts.size_wh[0] == facts.size_wh[1]:
        why = f"output {outputs[0].name} is a rotation: 6DRepNet"
        return Reading("head-pose", "hopenet", 0.85, (why,), task="gaze")
    if len(outputs) == 1 and widths == [3] and _HEADS.search(facts.hints) and not _GAZES.search(facts.hints):
        why = f"output {outputs[0].name} holds three numbers, by its name the angles of a head"
        doubts = ("taken as yaw, pitch, roll in degrees",)
        return Reading("head-pose", "hopenet", 0.7, (why,), task="gaze", doubts=doubts)
    return None


def read_gaze(facts: Facts) -> Reading | None:
    """Open Model Zoo's gaze vector, TAO's GazeNet, L2CS's two angles in bins."""
    widths = [_width(o) for o in facts.outputs]
    sources = _eyes(facts)
    vector = facts.named("gaze")
    if widths == [3] and (vector is not None or _GAZES.search(facts.hints)):
        why = f"output {facts.outputs[0].name} is the direction of a look"
        family = "open-model-zoo" if from_the_zoo(facts) else "hopenet"
        return Reading("gaze", family, 0.9, (why,), task="gaze", sources=sources)
    if widths == [5] and len(facts.others) == 3:
        why = "a face, two eyes and a grid give five numbers: TAO's GazeNet"
        return Reading("gaze", "tao-grey", 0.9, (why,), task="gaze", sources=sources)
    yaw, pitch = facts.named("yaw"), facts.named("pitch")
    if len(widths) != 2 or len(set(widths)) != 1 or widths[0] not in (1, 28, 90):
        return None
    if yaw is None or pitch is None or yaw is pitch:
        return None
    options: dict[str, object] = {"outputs": (yaw.name, pitch.name)}
    if widths[0] == 28:
        options |= {"first": -42.0, "step": 3.0}
    why = f"outputs {yaw.name} and {pitch.name}: the angles of a look"
    return Reading("gaze", "hopenet", 0.9, (why,), options, task="gaze")


def _eyes(facts: Facts) -> dict[str, str]:
    """What feeds each input of a gaze network: the face is the view, all else another model finds first."""
    sources: dict[str, str] = {}
    for item in (facts.picture, *facts.others):
        name = item.name.lower()
        if "grid" in name:
            sources[item.name] = "column:face-grid"
        elif "angle" in name or "head" in name:
            sources[item.name] = "column:head-pose"
        elif "left" in name:
            sources[item.name] = "part:left-eye"
        elif "right" in name:
            sources[item.name] = "part:right-eye"
        elif "face" in name:
            sources[item.name] = "view"
    return sources


def read_pulse(facts: Facts) -> Reading | None:
    """Two small pictures, appearance and motion, and one number: TAO's HeartRateNet, DeepPhys."""
    if [_width(o) for o in facts.outputs] != [1] or len(facts.others) != 1:
        return None
    inputs = {item.name.lower(): item.name for item in (facts.picture, *facts.others)}
    motion = next((name for low, name in inputs.items() if "motion" in low or "diff" in low), "")
    appearance = next((name for low, name in inputs.items() if "appear" in low or "raw" in low), "")
    if not motion or not appearance:
        return None
    why = f"pictures {appearance} and {motion} give one number: the pulse (HeartRateNet, DeepPhys)"
    sources = {appearance: "view", motion: "difference"}
    return Reading("pulse", "deepphys", 0.9, (why,), task="pulse", sources=sources)


def read_skeletons(facts: Facts) -> Reading | None:
    """A window of skeletons [N, 3, T, V, M] and the scores of what they do: ST-GCN."""
    shape = facts.picture.shape
    if facts.others or len(shape) != 5 or len(facts.outputs) != 1 or len(facts.outputs[0].shape) != 2:
        return None
    channels, moments, joints, people = shape[1:]
    if channels not in (2, 3) or joints not in (14, 15, 17, 18, 25, 33, 34) or people not in (1, 2):
        return None
    classes = facts.outputs[0].shape[1]
    why = f"{moments or 'N'} moments of {joints} keypoints give {classes} scores: a classifier of skeletons (ST-GCN)"
    sources = {facts.picture.name: f"window:{moments or 300}:column:keypoints"}
    options: dict[str, object] = {"activation": "auto", "names": ("action",)}
    return Reading("classify", "unknown", 0.9, (why,), options, classes=classes, task="classify", sources=sources)
