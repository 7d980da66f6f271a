"""Every side format of DeepStream that something is made of: a file of it, and two values of every key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sightline.foreign.analytics_config import GROUPS as ANALYTICS_GROUPS
from sightline.foreign.analytics_config import analytics_of
from sightline.foreign.camera_list import CAMERAS, cameras_of
from sightline.foreign.dewarper_config import GROUPS as DEWARPER_GROUPS
from sightline.foreign.dewarper_config import dewarper_of
from sightline.foreign.fates import Known
from sightline.foreign.model_params import TABLE, model_params_of
from sightline.foreign.msgconv import GROUPS as MSGCONV_GROUPS
from sightline.foreign.msgconv import described_of
from sightline.foreign.nvmot import tracker_of
from sightline.foreign.nvmot_keys import NVMOT_GROUPS
from sightline.foreign.preprocess_config import GROUPS as PREPROCESS_GROUPS
from sightline.foreign.preprocess_config import preprocess_of
from sightline.foreign.written import Written, written_of

Said = dict[tuple[str, str], str]


def keys(said: Mapping[tuple[str, str], str]) -> Written:
    """A key file that says this."""
    groups: dict[str, list[str]] = {}
    for (group, key), value in said.items():
        groups.setdefault(group, []).append(f"{key}={value}")
    text = "".join(f"[{group}]\n" + "\n".join(lines) + "\n" for group, lines in groups.items() if group)
    return written_of("\n".join(groups.get("", [])) + "\n" + text, Path("c.txt"))


def yaml(said: Mapping[tuple[str, str], str]) -> Written:
    """A YAML file that says this."""
    groups: dict[str, list[str]] = {}
    for (group, key), value in said.items():
        groups.setdefault(group, []).append(f"  {key}: {value}")
    return written_of(
        "%YAML:1.0\n" + "".join(f"{g}:\n" + "\n".join(ls) + "\n" for g, ls in groups.items()), Path("c.yml")
    )


@dataclass(frozen=True)
class Format:
    """base: what a file says. made: what becomes of it. cases: key -> two values, and what has to be said with them."""

    made: Callable[[Written], object]
    tables: Mapping[str, Mapping[str, Known]]
    base: Said
    cases: Mapping[tuple[str, str], tuple[str, str] | tuple[str, str, Said]]
    form: Callable[[Mapping[tuple[str, str], str]], Written] = keys
    at: Mapping[str, str] = field(default_factory=dict[str, str])

    def place(self, group: str, key: str) -> tuple[str, str]:
        """A group and key of a file for those of a table."""
        return self.at.get(group, group), key.replace("#", "0").replace("*", "Way")


def parts_of_analytics(written: Written) -> object:
    made = analytics_of(written, ("car", "person"))
    return made.streams, made.everywhere


def dewarped(written: Written) -> object:
    def table(name: str) -> Written:
        entry = written.get("property", f"{name}-calibration-file")
        top = "90" if entry is None or entry.value == "a.csv" else "80"
        cells = ",".join((top, "-90", "0", "0", "0", "437", "1902", "1500"))
        head = "serial,dewarpTopAngle,dewarpBottomAngle,dewarpPitch,dewarpYaw,dewarpRoll,dewarpFocalLength,dewarpWidth"
        return written_of(f"{head},dewarpHeight\n0,{cells}\n", Path(f"{name}.csv"))

    return dewarper_of(written, table("aisle"), table("spot")).views


SPOTS: Said = {("property", "spot-calibration-file"): "a.csv"}
AISLES: Said = {("property", "aisle-calibration-file"): "a.csv"}
BOX = "0;0;100;0;100;100"
REID: Said = {("ReID", "reidType"): "1", ("ReID", "onnxFile"): "reid.onnx"}
AGAIN: Said = {**REID, ("ReID", "reidType"): "2", ("TrajectoryManagement", "enableReAssoc"): "1"}
CASCADED: Said = {("DataAssociator", "associationMatcherType"): "1", ("StateEstimator", "stateEstimatorType"): "2"}
OVERALL: Said = {
    ("DataAssociator", "minMatchingScore4Overall"): "0.3",
    ("DataAssociator", "matchingScoreWeight4Iou"): "0.5",
}
LIFE = {
    "maxTargetsPerStream": ("30", "99"),
    "minIouDiff4NewTarget": ("0.5", "0.8"),
    "probationAge": ("2", "5"),
    "maxShadowTrackingAge": ("30", "51"),
    "earlyTerminationAge": ("1", "3"),
}
FIT = {
    "checkClassMatch": ("0", "1"),
    "minMatchingScore4Overall": ("0.1", "0.7"),
    "minMatchingScore4SizeSimilarity": ("0.2", "0.6"),
    "minMatchingScore4Iou": ("0.1", "0.4"),
    "matchingScoreWeight4SizeSimilarity": ("0.1", "0.6"),
}

FORMATS: dict[str, Format] = {
    "nvdsanalytics": Format(
        parts_of_analytics,
        ANALYTICS_GROUPS,
        {
            ("property", "enable"): "1",
            ("property", "config-width"): "1920",
            ("property", "config-height"): "1080",
            ("roi-filtering-stream-0", "enable"): "1",
            ("roi-filtering-stream-0", "roi-RF"): BOX,
            ("overcrowding-stream-0", "enable"): "1",
            ("overcrowding-stream-0", "roi-OC"): BOX,
            ("line-crossing-stream-1", "enable"): "1",
            ("line-crossing-stream-1", "line-crossing-Exit"): "10;10;20;20;30;30;40;90",
            ("direction-detection-stream-1", "enable"): "1",
            ("direction-detection-stream-1", "direction-South"): "10;10;20;20",
        },
        {
            ("property", "enable"): ("0", "1"),
            ("property", "config-width"): ("1920", "1280"),
            ("property", "config-height"): ("1080", "720"),
            ("property", "obj-cnt-win-in-ms"): ("50", "2000"),
            **{(g, "enable"): ("0", "1") for g in ANALYTICS_GROUPS if g != "property"},
            **{(g, "class-id"): ("0", "-1") for g in ANALYTICS_GROUPS if g != "property"},
            ("roi-filtering-stream-", "inverse-roi"): ("0", "1"),
            ("roi-filtering-stream-", "roi-*"): (BOX, "0;0;50;0;50;50"),
            ("overcrowding-stream-", "roi-*"): (BOX, "0;0;50;0;50;50"),
            ("overcrowding-stream-", "object-threshold"): ("1", "3"),
            ("overcrowding-stream-", "time-threshold"): ("0", "2000"),
            ("line-crossing-stream-", "mode"): ("loose", "strict"),
            ("line-crossing-stream-", "extended"): ("0", "1"),
            ("line-crossing-stream-", "line-crossing-*"): ("1;1;2;2;3;3;4;9", "1;1;2;2;3;3;5;9"),
            ("direction-detection-stream-", "mode"): ("balanced", "loose"),
            ("direction-detection-stream-", "direction-*"): ("1;1;2;2", "2;2;1;1"),
        },
        at={
            "roi-filtering-stream-": "roi-filtering-stream-0",
            "overcrowding-stream-": "overcrowding-stream-0",
            "line-crossing-stream-": "line-crossing-stream-1",
            "direction-detection-stream-": "direction-detection-stream-1",
        },
    ),
    "nvdspreprocess": Format(
        lambda written: preprocess_of(written, ("a", "b"), ("car", "person")),
        PREPROCESS_GROUPS,
        {
            ("property", "enable"): "1",
            ("property", "target-unique-ids"): "1",
            ("user-configs", "pixel-normalization-factor"): "0.003921568",
            ("group-0", "src-ids"): "0;1",
            ("group-0", "process-on-roi"): "1",
            ("group-0", "roi-params-src-0"): "0;540;900;500",
        },
        {
            ("property", "enable"): ("0", "1"),
            ("property", "target-unique-ids"): ("1", "2;3"),
            ("property", "operate-on-gie-id"): ("1", "2", {("property", "process-on-frame"): "0"}),
            ("property", "process-on-frame"): ("0", "1"),
            ("property", "maintain-aspect-ratio"): ("0", "1"),
            ("property", "symmetric-padding"): ("0", "1", {("property", "maintain-aspect-ratio"): "1"}),
            ("property", "network-color-format"): ("0", "1"),
            ("user-configs", "pixel-normalization-factor"): ("1", "0.5"),
            ("user-configs", "offsets"): ("1;2;3", "3;2;1"),
            ("user-configs", "channel-mean-offsets"): ("1;2;3", "3;2;1"),
            ("user-configs", "channel-scale-factors"): ("1;1;1", "0.5;1;1"),
            ("group-", "src-ids"): ("0", "0;1"),
            ("group-", "process-on-roi"): ("0", "1"),
            ("group-", "roi-params-src-#"): ("0;0;9;9", "0;0;9;9;10;10;5;5"),
            ("group-", "operate-on-class-ids"): ("0", "1", {("property", "process-on-frame"): "0"}),
            ("group-", "interval"): ("0", "2", {("property", "process-on-frame"): "0"}),
            **{
                ("group-", f"input-object-{bound}-{side}"): ("40", "90", {("property", "process-on-frame"): "0"})
                for bound in ("min", "max")
                for side in ("width", "height")
            },
        },
        at={"group-": "group-0"},
    ),
    "dewarper": Format(
        dewarped,
        DEWARPER_GROUPS,
        {
            ("property", "output-width"): "1920",
            ("surface0", "projection-type"): "4",
            ("surface0", "width"): "1472",
            ("surface0", "height"): "1384",
            ("surface0", "focal-length"): "350",
        },
        {
            ("property", "output-width"): ("1920", "960"),
            ("property", "output-height"): ("1080", "540"),
            ("property", "aisle-calibration-file"): (
                "a.csv",
                "b.csv",
                {("property", "spot-calibration-file"): "a.csv"},
            ),
            ("property", "spot-calibration-file"): (
                "a.csv",
                "b.csv",
                {("property", "aisle-calibration-file"): "a.csv"},
            ),
            ("surface", "projection-type"): ("1", "3"),
            ("surface", "width"): ("100", "200"),
            ("surface", "height"): ("100", "200"),
            ("surface", "top-angle"): ("30", "20", {("surface0", "bottom-angle"): "-30"}),
            ("surface", "bottom-angle"): ("-30", "-20", {("surface0", "top-angle"): "30"}),
            ("surface", "pitch"): ("0", "90"),
            ("surface", "yaw"): ("0", "45"),
            ("surface", "roll"): ("0", "180"),
            ("surface", "rot-axes"): ("XYZ", "ZXY"),
            ("surface", "rot-matrix"): ("1;0;0;0;1;0;0;0;1", "0;1;0;-1;0;0;0;0;1"),
            ("surface", "focal-length"): ("350", "437;440"),
            ("surface", "src-fov"): ("180", "200", {("surface0", "focal-length"): "0"}),
            ("surface", "src-x0"): ("0", "661"),
            ("surface", "src-y0"): ("0", "411"),
            ("surface", "distortion"): ("0.1;0", "0.1;0.2"),
            ("surface", "control"): ("0.6", "0.2"),
            ("surface", "cuda-address-mode"): ("0", "1"),
            ("surface", "dst-focal-length"): ("0", "200"),
            ("surface", "dst-principal-point"): ("0;0", "10;20"),
        },
        at={"surface": "surface0"},
    ),
    "msgconv": Format(
        described_of,
        MSGCONV_GROUPS,
        {
            ("sensor0", "enable"): "1",
            ("sensor0", "id"): "CAM",
            ("place0", "enable"): "1",
            ("place0", "id"): "1",
            ("analytics0", "enable"): "1",
            ("analytics0", "id"): "XYZ",
        },
        {
            (group, key): ("0", "1") if key == "enable" else ("1;2;3", "1;2;4")
            for group, table in MSGCONV_GROUPS.items()
            for key, known in table.items()
            if known.status != "ignored"
        },
        at={"sensor": "sensor0", "place": "place0", "analytics": "analytics0"},
    ),
    "nvtracker": Format(
        tracker_of,
        {name: table for name, table in NVMOT_GROUPS.items() if name != "NvDCF"},
        {("BaseConfig", "minDetectorConfidence"): "0.1"},
        {
            ("BaseConfig", "minDetectorConfidence"): ("0.1", "0.3"),
            ("BaseConfig", "checkClassMatch"): ("0", "1"),
            **{("TargetManagement", key): pair for key, pair in LIFE.items()},
            ("TargetManagement", "minTrackerConfidence"): ("0.2", "0.8", {("VisualTracker", "visualTrackerType"): "1"}),
            ("VisualTracker", "visualTrackerType"): ("0", "1"),
            **{("DataAssociator", key): pair for key, pair in FIT.items()},
            ("DataAssociator", "associationMatcherType"): ("0", "1", {("StateEstimator", "stateEstimatorType"): "1"}),
            ("DataAssociator", "matchingScoreWeight4Iou"): ("0.4", "0.9", OVERALL),
            ("DataAssociator", "matchingScoreWeight4VisualSimilarity"): ("0", "0.3", OVERALL),
            ("DataAssociator", "tentativeDetectorConfidence"): ("0.3", "0.7", CASCADED),
            ("DataAssociator", "minMatchingScore4TentativeIou"): ("0.2", "0.4", CASCADED),
            ("DataAssociator", "minMatchingScore4ReidSimilarity"): ("0.2", "0.8", REID),
            ("DataAssociator", "matchingScoreWeight4ReidSimilarity"): ("0.2", "0.8", REID),
            ("TrajectoryManagement", "enableReAssoc"): ("0", "1", AGAIN),
            ("TrajectoryManagement", "minMatchingScore4ReidSimilarity"): ("0.2", "0.8", AGAIN),
            ("TrajectoryManagement", "matchingScoreWeight4ReidSimilarity"): ("0.2", "0.8", AGAIN),
            ("TrajectoryManagement", "matchingScoreWeight4TrackletSimilarity"): (
                "0.2",
                "0.8",
                {**AGAIN, ("TrajectoryManagement", "matchingScoreWeight4ReidSimilarity"): "0.5"},
            ),
            ("StateEstimator", "stateEstimatorType"): ("0", "1"),
            ("ReID", "reidType"): ("0", "1", REID),
            ("ReID", "onnxFile"): ("a.onnx", "b.onnx", REID),
            ("ReID", "colorFormat"): ("0", "1", REID),
            ("ReID", "offsets"): ("[1, 2, 3]", "[3, 2, 1]", REID),
            ("ReID", "netScaleFactor"): ("1", "0.5", REID),
            ("ReID", "keepAspc"): ("0", "1", REID),
        },
        form=yaml,
    ),
    "nvtracker of old": Format(
        tracker_of,
        {"NvDCF": NVMOT_GROUPS["NvDCF"]},
        {("NvDCF", "maxTargetsPerStream"): "30"},
        {
            ("NvDCF", "minDetectorConfidence"): ("0.1", "0.3"),
            **{("NvDCF", key): pair for key, pair in {**LIFE, **FIT}.items()},
            ("NvDCF", "minTrackerConfidence"): ("0.2", "0.8"),
            ("NvDCF", "associationMatcherType"): ("0", "1"),
            ("NvDCF", "matchingScoreWeight4Iou"): (
                "0.4",
                "0.9",
                {("NvDCF", key): value for (_, key), value in OVERALL.items()},
            ),
            ("NvDCF", "matchingScoreWeight4VisualSimilarity"): (
                "0",
                "0.3",
                {("NvDCF", key): value for (_, key), value in OVERALL.items()},
            ),
            **{
                ("NvDCF", key): (a, b, {("NvDCF", "associationMatcherType"): "1"})
                for key, a, b in (
                    ("tentativeDetectorConfidence", "0.3", "0.7"),
                    ("minMatchingScore4TentativeIou", "0.2", "0.4"),
                )
            },
        },
        form=yaml,
    ),
    "model-params": Format(
        model_params_of,
        {"": TABLE},
        {("", "threshHeat"): "0.1"},
        {
            ("", "threshHeat"): ("0.05", "0.2"),
            ("", "threshVectorScore"): ("0.05", "0.2"),
            ("", "threshVectorCnt1"): ("8", "5"),
            ("", "threshPartCnt"): ("4", "3"),
            ("", "threshHumanScore"): ("0.4", "0.2"),
        },
    ),
    "cameras": Format(
        cameras_of,
        {"": CAMERAS},
        {("", "camera-list.0.camera-v4l2-dev-node"): "2"},
        {
            ("", "camera-list.#.camera-type"): ("V4L2", "CSI"),
            ("", "camera-list.#.camera-v4l2-dev-node"): ("0", "1"),
            ("", "camera-list.#.camera-csi-sensor-id"): ("0", "1", {("", "camera-list.0.camera-type"): "CSI"}),
        },
    ),
}
