"""What is asked of a camera on this machine, from a pipeline file down to FFmpeg's words."""

from __future__ import annotations

from sightline.config import PipelineConfig
from sightline.sources.inputs import StreamInput, build_source
from sightline.sources.media import MediaSource
from sightline.sources.opening import Attempt, device_options


def test_a_size_and_a_rate_are_asked_for() -> None:
    assert device_options(Attempt()) == {}
    assert device_options(Attempt(camera_wh=(1280, 720))) == {"video_size": "1280x720"}
    assert device_options(Attempt(camera_fps=30.0)) == {"framerate": "30"}
    assert device_options(Attempt(camera_wh=(640, 480), camera_fps=7.5)) == {
        "video_size": "640x480",
        "framerate": "7.5",
    }


def test_they_come_from_the_stream_of_a_pipeline_file() -> None:
    said = {"url": "/dev/video0", "camera_wh": [1280, 720], "camera_fps": 30}
    config = PipelineConfig.model_validate({"streams": [said], "model": "model.onnx"})
    stream = config.streams[0]
    source = build_source(
        StreamInput("camera", stream.url, "media"), camera_wh=stream.camera_wh, camera_fps=stream.camera_fps
    )
    assert isinstance(source, MediaSource)
    assert (source.camera_wh, source.camera_fps) == ((1280, 720), 30.0)
