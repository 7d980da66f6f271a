"""Parameters that compiled code of the TAO samples reads beside a model's own configuration -> a head's options.

They belong to libcvcore's models: bodypose2d (key file or YAML), emotion and facial landmarks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sightline.foreign.fates import Known, Rules
from sightline.foreign.key_tables import KeyTable
from sightline.foreign.reasons import translated
from sightline.foreign.side_reasons import passed
from sightline.foreign.values import fault, number, whole
from sightline.foreign.written import Written

__all__ = ["BODY_POSE", "PARAMS", "TABLE", "ModelParams", "is_model_params", "model_params_of"]

BODY_POSE = "part-fields"
_LAYOUT = passed("head", more="how keypoints and limbs are numbered is the head's option layout")
TABLE = KeyTable(
    {
        # body pose
        "threshHeat": translated("head_options.peak"),
        "threshVectorScore": translated("head_options.along"),
        "threshVectorCnt1": translated("head_options.part", "so many of ten points along a limb"),
        "threshPartCnt": translated("head_options.least_points"),
        "threshHumanScore": translated("score"),
        "nmsWindowSize": passed("head"),
        "featUpsamplingFactor": passed("head"),
        "numJoints": _LAYOUT,
        "jointEdges": Known(_LAYOUT.status, "", _LAYOUT.why, many=True),
        "connections": Known(_LAYOUT.status, "", _LAYOUT.why, many=True),
        "imageType": passed("graph"),
        # of every such model
        "label": Known("ignored", "", passed("head").why, many=True),
        "etltPath": passed("encrypted"),
        "etltKey": passed("encrypted"),
        "enginePath": passed("engine"),
        "networkMode": passed("precision"),
        "batchSize": passed("batch"),
        "maxBatchSize": passed("batch"),
        "inputWidth": passed("graph"),
        "inputHeight": passed("graph"),
        "inputType": passed("graph"),
        "inputLayerWidth": passed("graph"),
        "inputLayerHeight": passed("graph"),
        "inputLayerChannels": passed("graph"),
        "inputLayerName": passed("graph"),
        "outputLayerName": passed("graph"),
        "numLandmarks": passed("graph"),
        "mean": passed("head"),
        "stdev": passed("head"),
    }
)
PARAMS = Rules(lambda group: TABLE if not group else None, ("",), "a model's parameters")
_TELLING = ("threshHeat", "threshVectorScore", "jointEdges", "etltPath", "etltKey", "numLandmarks")
_POINTS_OF_A_LIMB = 10


def is_model_params(written: Written) -> bool:
    """Whether it has a key of such a file, in no group."""
    return any(written.get("", key) for key in _TELLING)


@dataclass(frozen=True, slots=True)
class ModelParams:
    """head_options: of the head BODY_POSE. score: the least one, None where the file says none."""

    head_options: Mapping[str, object] = field(default_factory=dict[str, object])
    score: float | None = None


def model_params_of(written: Written) -> ModelParams:
    """Raises ConfigError naming file, line and key of what is wrong."""
    options: dict[str, object] = {}
    for key, name in (("threshHeat", "peak"), ("threshVectorScore", "along")):
        if (entry := written.get("", key)) is not None:
            options[name] = number(entry)
    if (entry := written.get("", "threshVectorCnt1")) is not None:
        if not 0 <= whole(entry) <= _POINTS_OF_A_LIMB:
            raise fault(entry, f"expected 0 to {_POINTS_OF_A_LIMB} points")
        options["part"] = whole(entry) / _POINTS_OF_A_LIMB
    if (entry := written.get("", "threshPartCnt")) is not None:
        options["least_points"] = whole(entry)
    score = written.get("", "threshHumanScore")
    if score is not None and not 0 <= number(score) <= 1:
        raise fault(score, "expected a score from 0 to 1")
    return ModelParams(options, None if score is None else number(score))
