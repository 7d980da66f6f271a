"""The kinds of DeepStream's side files: what an application's file names beside its models and inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sightline.foreign.analytics_config import ANALYTICS, is_analytics
from sightline.foreign.app_input_keys import TRACKER
from sightline.foreign.broker_keys import BROKER, is_broker
from sightline.foreign.camera_list import CAMERA_LIST, is_cameras
from sightline.foreign.dewarper_config import DEWARPER, is_dewarper
from sightline.foreign.fates import Known, Rules
from sightline.foreign.key_tables import KeyTable, numbered
from sightline.foreign.kind import FILE, Kind
from sightline.foreign.model_params import PARAMS, is_model_params
from sightline.foreign.msgconv import MSGCONV, is_msgconv
from sightline.foreign.mux_keys import METAMUX, STREAMMUX, is_metamux, is_streammux
from sightline.foreign.nvmot_keys import NVMOT, NVMOT_GROUPS
from sightline.foreign.postprocess_keys import POSTPROCESS, is_postprocess
from sightline.foreign.preprocess_config import PREPROCESS, is_preprocess
from sightline.foreign.side_reasons import passed
from sightline.foreign.triton_keys import TRITON, is_triton
from sightline.foreign.written import Written

__all__ = ["CAMERA_MODEL", "SIDE_KINDS", "TIMES", "TRACKER_FILE"]

# [tracker], a file of its own
TRACKER_FILE = Rules(lambda group: TRACKER if group == "tracker" else None, ("tracker",), "a tracker's file")

# what a tracker in the world's coordinates is told of a camera
CAMERA_MODEL: dict[str, Mapping[str, Known]] = {
    "": KeyTable(dict.fromkeys(("projectionMatrix_3x4", "projectionMatrix_3x4_w2p"), passed("world"))),
    "modelInfo": KeyTable(dict.fromkeys(("height", "radius"), passed("world"))),
}
# transfer-learning-app: when pictures are saved
TIMES = KeyTable(
    dict.fromkeys(
        ("begin_time_hour_minute", "end_time_hour_minute", "time_to_skip_hour_minute_second"), passed("rules")
    )
)
_CAMERA_FILE = Rules(CAMERA_MODEL.get, tuple(CAMERA_MODEL), "a camera's model")
_TIMES_FILE = Rules(lambda group: None if numbered(group, "row") is None else TIMES, ("row0",), "a table of times")


# the plate application: which models its servers run
_PLATES = KeyTable(dict.fromkeys(("pgie", "lpd", "lpr"), passed("plates")))
_PLATE_FILE = Rules(lambda group: _PLATES if group == "config" else None, ("config",), "a list of plate models")


def _is_plates(written: Written) -> bool:
    return written.groups == ("config",) and any(entry.key in _PLATES for entry in written.entries)


# point clouds and depth cameras: files of ds3d, and lists of recorded clouds
_POINTS = KeyTable({}, {"*": passed("lidar")})
_POINT_FILE = Rules(lambda group: _POINTS, ("",), "a ds3d file")


def _is_points(written: Written) -> bool:
    kinds = [entry for entry in written.entries if entry.key == "type" and not entry.group]
    if any(entry.value.strip("\"'").startswith("ds3d::") for entry in kinds):
        return True
    return any(re.fullmatch(r"source-list\.\d+\.\d+", entry.key) for entry in written.entries[:5])


def _is_nvmot(written: Written) -> bool:
    return any(group in NVMOT_GROUPS for group in written.groups)


def _is_tracker(written: Written) -> bool:
    return written.groups == ("tracker",)


def _is_camera(written: Written) -> bool:
    return any(written.get("", key) for key in CAMERA_MODEL[""])


def _is_times(written: Written) -> bool:
    return written.form == "csv" and any(entry.key in TIMES for entry in written.entries)


SIDE_KINDS: dict[str, Kind] = {
    "nvtracker": Kind(
        "an NvMultiObjectTracker configuration",
        _is_nvmot,
        NVMOT,
        names={"ReID/onnxFile": FILE, "ObjectModelProjection/cameraModelFilepath": "camera-model"},
    ),
    "tracker-ini": Kind("a tracker's file", _is_tracker, TRACKER_FILE, names={"tracker/ll-config-file": "nvtracker"}),
    "nvdsanalytics": Kind("an nvdsanalytics configuration", is_analytics, ANALYTICS),
    "nvdspreprocess": Kind("an nvdspreprocess configuration", is_preprocess, PREPROCESS),
    "metamux": Kind("an nvdsmetamux configuration", is_metamux, METAMUX),
    "nvstreammux": Kind("an nvstreammux configuration", is_streammux, STREAMMUX),
    "dewarper": Kind(
        "an nvdewarper configuration", is_dewarper, DEWARPER, names={"property/*-calibration-file": "msgconv"}
    ),
    "msgconv": Kind("a description of sensors", is_msgconv, MSGCONV),
    "message-broker": Kind("a message broker's file", is_broker, BROKER),
    "postprocess": Kind("an nvdspostprocess configuration", is_postprocess, POSTPROCESS),
    "triton": Kind("a Triton model configuration", is_triton, TRITON),
    "model-params": Kind("a model's parameters", is_model_params, PARAMS),
    "cameras": Kind("a list of cameras", is_cameras, CAMERA_LIST),
    "camera-model": Kind("a camera's model", _is_camera, _CAMERA_FILE),
    "times": Kind("a table of times", _is_times, _TIMES_FILE),
    "plates": Kind("a list of plate models", _is_plates, _PLATE_FILE, names={"config/*": "nvinferserver"}),
    "ds3d": Kind("a ds3d file", _is_points, _POINT_FILE),
}
