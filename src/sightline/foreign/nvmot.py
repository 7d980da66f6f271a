"""NvMultiObjectTracker's YAML, or a tracker library's name alone -> the nearest tracker here, with its options.

What decides which: a re-identification model -> botsort; matching in two rounds -> bytetrack; a motion model -> sort;
neither -> iou. The modules and their defaults: https://docs.nvidia.com/metropolis/deepstream/dev-guide/text/
DS_plugin_gst-nvtracker.html. The old form has every key in one group NvDCF.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath

from sightline.config import PartConfig
from sightline.foreign.keyfile import Entry
from sightline.foreign.nvmot_keys import NVMOT_GROUPS
from sightline.foreign.values import choice, fault, flag, number, numbers, text, whole
from sightline.foreign.written import Written
from sightline.parts import options_of

__all__ = [
    "APPEARANCE",
    "Appearance",
    "NearestTracker",
    "nearest_tracker",
    "not_below",
    "tracker_of",
    "tracker_of_library",
]

APPEARANCE = "appearance"  # the name of the stage that says what objects look like
_OLD = "NvDCF"
_LEAST_OVERLAP = 0.01  # a pair has to overlap at all
_TENTATIVE = 0.5
_MOST_FRAMES = 100_000

# A library's name, without version and ending -> what it is.
_LIBRARIES = {
    "libnvds_mot_iou": "iou",
    "libnvds_mot_klt": "sort",
    "libnvds_nvdcf": "sort",
    "libnvds_tracker": "sort",
    "libnvds_nvmultiobjecttracker": "iou",
    "libnvds_mot_deepsort": "bytetrack",
    "liblightmot": "sort",
    "light-tracker": "sort",
}


@dataclass(frozen=True, slots=True)
class Appearance:
    """The re-identification model: `model` as the file names it, `settings` the fields of its StageConfig."""

    model: str
    where: str
    settings: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class NearestTracker:
    """tracker: its kind and options. appearance: the model that it needs as a stage, None for none. notes: what a user
    should know, each "file:line: ...".
    """

    tracker: PartConfig
    appearance: Appearance | None = None
    notes: tuple[str, ...] = ()

    @property
    def alone(self) -> PartConfig:
        """The same where the model of looks is not there: tracks go by boxes and motion."""
        if self.appearance is None:
            return self.tracker
        known = {option.name for option in options_of("tracker", "bytetrack")}
        return PartConfig(kind="bytetrack", **{k: v for k, v in self.tracker.options.items() if k in known})


def tracker_of_library(name: str) -> NearestTracker:
    """The tracker of a library, or of the accelerator's word, that has no file of its own. An unknown one is told."""
    plain = PurePath(name.strip().strip('"')).name.split(".so")[0].lower()
    kind = _LIBRARIES.get(plain)
    notes = () if kind else (f"{name}: no known tracker; bytetrack is used, whose options stand in docs/counting.md",)
    return NearestTracker(PartConfig(kind=kind or "bytetrack"), None, notes)


def nearest_tracker(library: str, configured: Written | None) -> NearestTracker:
    """What a [tracker] means: its ll-config-file, as it was read, or else its ll-lib-file. Raises ConfigError."""
    if configured is None or any(group in NVMOT_GROUPS for group in configured.groups):
        return tracker_of_library(library) if configured is None else tracker_of(configured)
    made = tracker_of_library(library)
    return replace(made, notes=(*made.notes, f"{configured.path}: says nothing of a tracker; its library decides"))


def not_below(tracker: PartConfig, score: float) -> PartConfig:
    """The tracker of a file behind a model that drops what it finds below `score`: nothing of that reaches it there."""
    options = tracker.options
    if score <= 0 or not options:
        return tracker
    raised = {name: max(score, float(str(options[name]))) for name in ("high", "activate") if name in options}
    return PartConfig(kind=tracker.kind, **(options | {"low": max(score, float(str(options.get("low", 0))))} | raised))


def tracker_of(written: Written) -> NearestTracker:
    """Raises ConfigError naming file, line and key of what is wrong."""
    said = _Said(written)
    notes: list[str] = []
    appearance = _appearance(said, notes)
    kind = _kind(said, appearance)
    options = _score_options(said, kind) | _life_options(said) | _fit_options(said, kind)
    if kind == "botsort":
        options |= {"camera_motion": False, "instant": False, "appearance": APPEARANCE} | _likeness_options(said)
    return NearestTracker(PartConfig(kind=kind, **options), appearance, tuple(notes))


class _Said:
    """The entries that count, by module and key; those of the old group NvDCF stand for every module."""

    def __init__(self, written: Written) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}
        for entry in written.entries:
            if not entry.stray:
                self._entries[entry.group, entry.key] = entry
        self.is_old = _OLD in written.groups and "TargetManagement" not in written.groups
        self.groups = written.groups

    def get(self, group: str, key: str) -> Entry | None:
        return self._entries.get((_OLD if self.is_old else group, key))

    def has(self, group: str) -> bool:
        return group in self.groups

    def share(self, group: str, key: str, default: float) -> float:
        """A number, at least 0; above 1 it is 1."""
        entry = self.get(group, key)
        return default if entry is None else min(1.0, max(0.0, number(entry)))

    def frames(self, key: str) -> int | None:
        entry = self.get("TargetManagement", key)
        if entry is None:
            return None
        if not 0 <= whole(entry) <= _MOST_FRAMES:
            raise fault(entry, f"expected a number of frames, 0 to {_MOST_FRAMES:,}")
        return whole(entry)


def _kind(said: _Said, appearance: Appearance | None) -> str:
    if appearance is not None:
        return "botsort"
    estimator = said.get("StateEstimator", "stateEstimatorType")
    motion = said.is_old or (estimator is not None and choice(estimator, ("none", "simple", "regular", "world")) > 0)
    if not motion:
        return "iou"
    matcher = said.get("DataAssociator", "associationMatcherType")
    rounds = matcher is not None and choice(matcher, ("greedy", "cascaded")) == 1
    return "bytetrack" if rounds else "sort"


def _score_options(said: _Said, kind: str) -> dict[str, object]:
    """What the model itself drops never reaches the tracker there; 0 leaves the least score to the model."""
    low = said.share("BaseConfig", "minDetectorConfidence", 0.0)
    found: dict[str, object] = {"low": low} if low > 0 else {}
    if kind in ("iou", "sort"):
        return found
    high = max(low, said.share("DataAssociator", "tentativeDetectorConfidence", _TENTATIVE))
    return {**found, "high": high, "activate": high}


def _life_options(said: _Said) -> dict[str, object]:
    """probationAge is passed, in the old form reached; an age of 0 gives the id at once."""
    found: dict[str, object] = {"coast_s": _coast(said)}
    probation = said.frames("probationAge")
    if probation is not None:
        found["confirm"] = max(1, probation if said.is_old else probation + 1)
    if (early := said.frames("earlyTerminationAge")) is not None:
        found["early"] = max(1, early)
    if (shadow := said.frames("maxShadowTrackingAge")) is not None:
        found["lost_frames"] = shadow
    if (most := said.get("TargetManagement", "maxTargetsPerStream")) is not None:
        if not 0 < whole(most) <= 65535:
            raise fault(most, "expected 1 to 65535 targets")
        found["most"] = whole(most)
    if (apart := said.get("TargetManagement", "minIouDiff4NewTarget")) is not None:
        found["apart"] = min(1.0, max(0.0, number(apart)))
    return found


def _coast(said: _Said) -> float:
    """A filter follows what is not detected, and reports it while it is sure; without one nothing is reported."""
    visual = said.get("VisualTracker", "visualTrackerType")
    follows = said.is_old or (visual is not None and whole(visual) > 0)
    return round(1.0 - said.share("TargetManagement", "minTrackerConfidence", 0.5), 6) if follows else 0.0


def _fit_options(said: _Said, kind: str) -> dict[str, object]:
    weights = {
        name: max(0.0, 0.0 if (e := said.get("DataAssociator", f"matchingScoreWeight4{name}")) is None else number(e))
        for name in ("Iou", "SizeSimilarity", "VisualSimilarity", "ReidSimilarity")
    }
    if said.get("DataAssociator", "matchingScoreWeight4Iou") is None:
        weights["Iou"] = 1.0
    overall = 0.0 if _by_looks_alone(said) else said.share("DataAssociator", "minMatchingScore4Overall", 0.0)
    # what the overlap has to give where everything else agrees wholly
    rest = overall - sum(weights.values()) + weights["Iou"]
    implied = rest / weights["Iou"] if rest > 0 and weights["Iou"] > 0 else 0.0
    least = max(_LEAST_OVERLAP, said.share("DataAssociator", "minMatchingScore4Iou", 0.0), min(1.0, implied))
    found: dict[str, object] = {"match": round(least, 6)}
    if (size := said.share("DataAssociator", "minMatchingScore4SizeSimilarity", 0.0)) > 0:
        found["size_match"] = size
    boxes = weights["Iou"] + weights["SizeSimilarity"]
    if weights["SizeSimilarity"] > 0 and boxes > 0:
        found["size_weight"] = round(weights["SizeSimilarity"] / boxes, 6)
    if kind in ("bytetrack", "botsort"):
        tentative = said.share("DataAssociator", "minMatchingScore4TentativeIou", 0.0)
        found["second_match"] = max(_LEAST_OVERLAP, tentative)
    matched = said.get("DataAssociator", "checkClassMatch") or said.get("BaseConfig", "checkClassMatch")
    if matched is not None and not flag(matched):
        found["class_agnostic"] = True
    else:
        found["relabel"] = 1.0
    return found


def _by_looks_alone(said: _Said) -> bool:
    """DeepStream 6.0 to 6.2: with a re-identification model the overall score is what things look like."""
    weights = ("matchingScoreWeight4Iou", "matchingScoreWeight4ReidSimilarity")
    return _reid_type(said) in (1, 3) and all(said.get("DataAssociator", key) is None for key in weights)


def _likeness_options(said: _Said) -> dict[str, object]:
    """Of the pairs themselves for reidType 1 and 3, of lost tracks that are found for 2: here one and the same."""
    again = _reid_type(said) == 2
    group = "TrajectoryManagement" if again else "DataAssociator"
    found: dict[str, object] = {}
    if said.get(group, "minMatchingScore4ReidSimilarity") is not None:
        found["appearance_match"] = said.share(group, "minMatchingScore4ReidSimilarity", 0.5)
    elif _by_looks_alone(said):
        found["appearance_match"] = said.share(group, "minMatchingScore4Overall", 0.5)
    weight = said.get(group, "matchingScoreWeight4ReidSimilarity")
    other = "TrackletSimilarity" if again else "Iou"
    overlap = said.get(group, f"matchingScoreWeight4{other}")
    if weight is not None and number(weight) > 0:
        found["appearance_weight"] = round(
            number(weight) / (number(weight) + max(0.0, 1.0 if overlap is None else number(overlap))), 6
        )
    return found


def _reid_type(said: _Said) -> int:
    entry = said.get("ReID", "reidType")
    return 0 if entry is None else choice(entry, ("none", "deepsort", "again", "both"))


def _appearance(said: _Said, notes: list[str]) -> Appearance | None:
    kind = _reid_type(said)
    if kind == 0 or said.is_old:
        return None
    again = said.get("TrajectoryManagement", "enableReAssoc")
    if kind == 2 and (again is None or not flag(again)):
        return None
    entry = said.get("ReID", "onnxFile")
    if entry is None or not text(entry):
        told = said.get("ReID", "tltEncodedModel") or said.get("ReID", "uffFile") or said.get("ReID", "reidType")
        if told is not None:
            notes.append(
                f"{told.where}: {told.key}: no model that can be read; tracks go by boxes and motion alone."
                " Export it as ONNX and name it with onnxFile"
            )
        return None
    return Appearance(text(entry), entry.where, {"name": APPEARANCE, **_feeding(said)})


def _feeding(said: _Said) -> dict[str, object]:
    """mean and scale of tensor = (pixel - mean) / scale, colour and shape of the model's pictures."""
    found: dict[str, object] = {}
    if (color := said.get("ReID", "colorFormat")) is not None:
        found["color"] = ("rgb", "bgr")[choice(color, ("rgb", "bgr"))]
    if (offsets := said.get("ReID", "offsets")) is not None:
        found["mean"] = list(numbers(offsets))
    if (gain := said.get("ReID", "netScaleFactor")) is not None:
        if number(gain) == 0:
            raise fault(gain, "would make every pixel 0")
        found["scale"] = [round(1 / number(gain), 6)]
    kept = said.get("ReID", "keepAspc")
    found["resize"] = "letterbox" if kept is None or flag(kept) else "stretch"
    return found
