"""A twin made of parts, and the files that it names."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

__all__ = ["SECRET", "changed", "plain_twin", "write_files", "write_twin"]

SECRET = "s3cr3t/@:word"


def plain_twin() -> dict[str, Any]:
    """Two cameras, two pipelines, everything said that can be said."""
    square = [[0.2, 0.2], [0.6, 0.2], [0.6, 0.6], [0.2, 0.6]]
    return {
        "azdaConfiguration": {
            "platform": "DeepStream",
            "components": {
                "logLevel": "information",
                "sensors": [
                    {
                        "name": "door",
                        "kind": {"type": "vision", "subtype": "File"},
                        "endpoint": "file:///clips/door.mp4",
                        "regionsOfInterest": [{"color": "#ff0000", "label": "mat", "coordinates": square}],
                    },
                    {
                        "name": "yard",
                        "kind": {"type": "vision", "subtype": "RTSP"},
                        "endpoint": "rtsp://camera:554/live",
                    },
                ],
                "deepStream": {
                    "enable": True,
                    "pipelineConfigs": [
                        {
                            "id": "People",
                            "unsecureZipUrl": "",
                            "primaryModelConfigPath": "cfg/first.txt",
                            "secondaryModelConfigPaths": ["cfg/second.txt"],
                            "trackerConfigPath": "light-tracker",
                            "deepstreamPassthrough": "",
                            "pipelineOptions": {
                                "dewarp": {"enable": False, "config_file": "cfg/dewarp.txt"},
                                "crop": {"enable": False, "x0": 10, "x1": 109, "y0": 20, "y1": 79},
                                "osd": {"enable": True},
                            },
                        },
                        {
                            "id": "Cars",
                            "unsecureZipUrl": "",
                            "primaryModelConfigPath": {"configFile": "cfg/first.txt", "parser": "yolov4"},
                            "secondaryModelConfigPaths": "",
                            "trackerConfigPath": "",
                            "deepstreamPassthrough": "",
                            "pipelineOptions": {},
                        },
                    ],
                    "streams": [
                        {"name": "door", "uname": "", "password": "", "configId": "People"},
                        {"name": "yard", "uname": "me", "password": SECRET, "configId": "Cars"},
                    ],
                },
                "businessLogicConfig": {},
            },
        }
    }


def changed(twin: dict[str, Any], way: str, value: object) -> dict[str, Any]:
    """A copy with what `way` ("sensors.0.name", within the components) leads to replaced; None takes it away."""
    made = copy.deepcopy(twin)
    at: Any = made["azdaConfiguration"]["components"]
    *steps, last = [int(step) if step.isdigit() else step for step in way.split(".")]
    for step in steps:
        at = at[step]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return made


def write_files(folder: Path) -> None:
    """The configurations and the clip that the plain twin names."""
    (folder / "cfg").mkdir(parents=True, exist_ok=True)
    (folder / "clips").mkdir(exist_ok=True)
    (folder / "clips" / "door.mp4").write_bytes(b"not looked into")
    (folder / "cfg" / "labels.txt").write_text("person\ncar\n")
    (folder / "cfg" / "first.txt").write_text(
        "[property]\ngie-unique-id=1\nonnx-file=first.onnx\nlabelfile-path=labels.txt\nnetwork-type=0\n"
    )
    (folder / "cfg" / "second.txt").write_text(
        "[property]\ngie-unique-id=2\noperate-on-gie-id=1\noperate-on-class-ids=1\nprocess-mode=2\n"
        "onnx-file=second.onnx\nnetwork-type=1\n"
    )
    (folder / "cfg" / "third.txt").write_text("[property]\ngie-unique-id=1\nonnx-file=third.onnx\nnetwork-type=0\n")
    (folder / "cfg" / "parser.py").write_text("model_type = 0\n")
    (folder / "cfg" / "dewarp.txt").write_text(
        "[property]\noutput-width=64\noutput-height=48\n[surface0]\nprojection-type=1\nwidth=64\nheight=48\n"
        "top-angle=40\nbottom-angle=-40\nfocal-length=40\nsrc-fov=180\n"
    )
    (folder / "cfg" / "tracker.txt").write_text("[tracker]\nll-lib-file=/x/libnvds_mot_iou.so\n")


def write_twin(folder: Path, twin: object) -> Path:
    """The twin as a file in `folder`."""
    path = folder / "twin.json"
    path.write_text(json.dumps(twin, indent=2), "utf-8")
    return path
