"""The accelerator's published test twins: the good ones are made once their files are mapped, the bad ones are told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sightline.deployment import Deployment
from sightline.errors import ConfigError
from sightline.foreign.mapping import Mapping
from sightline.foreign.twin_fates import fates_of_twin
from sightline.foreign.twin_pipelines import TwinFiles, deployment_of, zips_of
from sightline.foreign.twin_read import read_twin
from sightline.foreign.written import read_written

ASSETS = os.environ.get("SIGHTLINE_ASSETS", "")
pytestmark = pytest.mark.skipif(not ASSETS, reason="SIGHTLINE_ASSETS names no folder with the test assets")
FOLDER = Path(ASSETS or ".") / "ada"
TWINS = sorted(FOLDER.rglob("*.json")) if ASSETS else []

# twin: ids of the pipelines that are made, what is told of what is not, once its files are mapped
GOOD: dict[str, tuple[str, ...]] = {
    "000-basic": ("PeopleDetection",),
    "001-basic-multi-stream": ("PeopleDetection",),
    "003-basic-cascade": ("LicensePlateCascade",),
    "004-basic-tracker": ("PeopleTracker",),
    "006-osd": ("PeopleDetection",),
    "008-crop": ("LicensePlateCascade",),
    "009-dewarp": ("LicensePlateCascade",),
    "011-ds-passthrough-basic": ("CustomDeepStream",),
    "013-multi-camera-multi-model": ("LicensePlateTracking", "PersonTracking", "PoseDetection"),
    "020-python-parser": ("PoseDetection",),
    "022-basic-usb": ("PeopleDetection",),
    "bodypose2d_parser": ("ManufacturingDefectDetection",),
    "manufacturing": ("Manufacturing",),
    "ssd_mobilenet_v1_parser": ("Yolov4Detection",),
    "yolov4_parser": ("Yolov4Detection",),
    "deployment.default.template": ("PeopleDetection",),
}
BAD: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "015-failure-case-model-not-found-001": ((), {"PeopleDetection": "'INCORRECT_VALUE': no such file"}),
    "017-failure-case-invalid-configuration": (
        ("PeopleDetection",),
        {"stream-01": "there is no pipeline 'INCORRECT_VALUE'"},
    ),
    "019-failure-case-invalid-camera-config": (
        ("PeopleDetection",),
        {"INCORRECT_VALUE": "there is no sensor 'INCORRECT_VALUE'"},
    ),
    "023-basic-ip": ((), {"stream-01": "has no endpoint", "PeopleDetection": "none of its streams"}),
}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stand-ins for the files of the accelerator's container: configurations, clips and parsers of those names."""
    folder = tmp_path_factory.mktemp("container")
    config = "[property]\ngie-unique-id={}\nonnx-file=m.onnx\nnetwork-type=0\n"
    names = {
        "config_examples/pgie_config.txt": config.format(1),
        **{f"config_examples/sgie{i}_config.txt": config.format(i + 1) for i in (1, 2, 3)},
        "config_examples/tracker_config.txt": "[tracker]\nll-lib-file=libnvds_nvmultiobjecttracker.so\n",
        "config_examples/config_dewarper.txt": "[property]\noutput-width=96\noutput-height=54\n[surface0]\n"
        "projection-type=2\nwidth=96\nheight=54\ntop-angle=20\nbottom-angle=-40\nfocal-length=50\nsrc-fov=180\n",
        "zip/primarydetector/config_primary_detector.txt": config.format(1),
        "zip/vehicletypenet/config_vehicletypes.txt": config.format(2),
        "CustomParsers/models/bodypose2d/bodypose2d_pgie_config.txt": config.format(1),
        "CustomParsers/models/bodypose2d/body_pose_parser.py": "model_type = 1\n",
        "CUSTOM_PARSER_EXAMPLES/bodypose2d/bodypose2d_pgie_config.txt": config.format(1),
        "CUSTOM_PARSER_EXAMPLES/manufacturing/pgie_config.txt": config.format(1),
        "CUSTOM_PARSER_EXAMPLES/manufacturing/tracker_config.txt": "[tracker]\nll-lib-file=libnvds_mot_iou.so\n",
        "CUSTOM_PARSER_EXAMPLES/ssd_mobilenet_v1/onnx_ssd_nopostprocess.txt": config.format(1),
        "CUSTOM_PARSER_EXAMPLES/yolov4/yolov4_nopostprocess.txt": config.format(1),
        "clip.mp4": "",
        "root/samples/streams/sample_720p.mp4": "",
        "root/samples/streams/sample_720p.h264": "",
        "root/samples/streams/sample_qHD.mp4": "",
    }
    for name, text in names.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def deployed(name: str, room: Path) -> Deployment:
    twin = read_twin(next(path for path in TWINS if path.name == f"{name}.json"))
    clip = f"{room}/clip.mp4"
    words = [
        f"{old}={room}/{old.strip('/')}" for old in ("config_examples", "CUSTOM_PARSER_EXAMPLES", "/CustomParsers")
    ]
    words += [f"/dev/video0={clip}", f"file:////ms/parser-examples/tao_parsers/xxx.mp4={clip}"]
    words += [f"file:///ms/ds-ai-pipeline/src/sample-input-2.mp4={clip}"]
    packages = dict.fromkeys(zips_of(twin), room / "zip")
    return deployment_of(twin, TwinFiles(Mapping.parsed(words, str(room / "root")), packages))


@pytest.mark.parametrize("name", GOOD)
def test_the_good_ones_are_made(name: str, room: Path) -> None:
    made = deployed(name, room)
    assert not made.faults
    assert tuple(made.pipelines) == GOOD[name]


@pytest.mark.parametrize("name", BAD)
def test_the_bad_ones_are_told_and_what_is_good_in_them_is_made(name: str, room: Path) -> None:
    made = deployed(name, room)
    pipelines, faults = BAD[name]
    assert tuple(made.pipelines) == pipelines
    assert set(made.faults) == set(faults)
    for called, why in faults.items():
        assert why in made.faults[called]


def test_there_is_no_twin_that_is_not_looked_at() -> None:
    others = {"deployment.debug.template", "deployment.template", "module"}
    assert {path.stem for path in TWINS} == set(GOOD) | set(BAD) | others


def test_eight_cameras_go_to_their_three_pipelines(room: Path) -> None:
    made = deployed("013-multi-camera-multi-model", room)
    assert {name: [s.id[-1] for s in config.streams] for name, config in made.pipelines.items()} == {
        "LicensePlateTracking": ["1", "4", "7"],
        "PersonTracking": ["2", "5", "8"],
        "PoseDetection": ["3", "6"],
    }
    assert [len(config.then) for config in made.pipelines.values()] == [3, 1, 0]
    assert made.pipelines["PoseDetection"].model.parser is not None


def test_what_each_of_them_exercises(room: Path) -> None:
    assert deployed("008-crop", room).pipelines["LicensePlateCascade"].limits.crop == (480, 0, 1921, 1081)
    dewarp = deployed("009-dewarp", room).pipelines["LicensePlateCascade"]
    assert (dewarp.model.path, bool(dewarp.streams[0].dewarp)) == ("builtin:nothing", True)
    assert deployed("004-basic-tracker", room).pipelines["PeopleTracker"].tracker is not None
    assert deployed("yolov4_parser", room).pipelines["Yolov4Detection"].model.head == "yolo-cells"
    launch = deployed("011-ds-passthrough-basic", room).pipelines["CustomDeepStream"]
    assert launch.streams[0].url.startswith("https://www.freedesktop.org/")
    template = deployed("deployment.default.template", room).pipelines["PeopleDetection"]
    assert template.streams[0].url == "rtsp://testuser:testpassword@rtspsim:554/media/retailshop-15fps.mkv"


@pytest.mark.parametrize("path", TWINS, ids=lambda path: path.stem)
def test_every_key_of_every_file_is_accounted_for(path: Path) -> None:
    written = read_written(path)
    if path.parent.name != "ai-pipeline-tests" and "default" not in path.name:
        with pytest.raises(ConfigError, match="no azdaConfiguration"):
            read_twin(path)
        return
    fates = fates_of_twin(written)
    own = [f for f in fates if "deepstreamPassthrough" not in f.group]
    assert [(f.line, f.group, f.key) for f in own] == [(e.line, e.group, e.key) for e in written.entries]
    assert not [f for f in fates if f.status == "unknown"]
    assert "testpassword" not in json.dumps([f.plain() for f in fates])
