"""Launch text as a pipeline: what each element makes of it, and what is told of the others."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twins import write_files

from sightline.config import PipelineConfig
from sightline.errors import ConfigError, ModelError
from sightline.foreign.app_pipeline import Translated
from sightline.foreign.gst_elements import fates_of_launch
from sightline.foreign.gst_launch import parse_launch
from sightline.foreign.gst_pipeline import launched_pipeline
from sightline.foreign.mapping import Mapping
from sightline.foreign.named_files import NamedFiles

CLIP = "filesrc location=clips/door.mp4 ! qtdemux ! h264parse ! nvv4l2decoder"
FIRST = "nvinfer config-file-path=cfg/first.txt"
MUXED = f"{CLIP} ! m.sink_0 nvstreammux name=m batch-size=1 width=1280 height=720 ! {FIRST}"
FILE = "nvvideoconvert ! nvdsosd ! nvv4l2h264enc ! h264parse ! mp4mux ! filesink location=out.mp4"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_files(tmp_path)
    (tmp_path / "cfg" / "analytics.txt").write_text(
        "[property]\nenable=1\nconfig-width=100\nconfig-height=100\n[roi-filtering-stream-0]\nenable=1\n"
        "roi-RF=10;10;90;10;90;90\nclass-id=-1\n"
    )
    (tmp_path / "cfg" / "msgconv.txt").write_text("[sensor0]\nenable=1\ntype=Camera\nid=cam\n")
    return tmp_path


def translated(text: str, folder: Path, *pairs: str, out: str = "") -> Translated:
    return launched_pipeline(text, "twin.json:7", NamedFiles(Mapping.parsed(pairs), folder), "Launch", out)


def config(text: str, folder: Path, *pairs: str) -> PipelineConfig:
    return translated(text, folder, *pairs).config


def sinks(made: PipelineConfig) -> list[tuple[str, object]]:
    return [(sink.kind, sink.options.get("path")) for sink in made.sinks]


def test_the_chain_of_the_documents(folder: Path) -> None:
    made = config(f"{MUXED} ! {FILE}", folder)
    assert [s.url for s in made.streams] == [str(folder / "clips" / "door.mp4")]
    assert made.model.path == str(folder / "cfg" / "first.txt")
    assert made.overlay is not None
    assert sinks(made) == [("video", "out.mp4"), ("jsonl", "Launch.jsonl")]


def test_a_window_is_the_live_view_and_playbin_looks_for_nothing(folder: Path) -> None:
    assert sinks(config(f"{MUXED} ! nvdsosd ! nveglglessink", folder))[0][0] == "show"
    made = config("playbin uri=https://host/trailer.webm", folder)
    assert (made.model.path, made.streams[0].url) == ("builtin:nothing", "https://host/trailer.webm")
    assert sinks(made)[0][0] == "show"


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("rtspsrc location=rtsp://h/a latency=100 ! rtph264depay", "rtsp://h/a"),
        ('rtspsrc location=rtsp://h/a user-id=me user-pw="p w"', "rtsp://me:p%20w@h/a"),
        ("uridecodebin uri=https://h/v.mp4", "https://h/v.mp4"),
        ("nvurisrcbin uri=rtsp://h/a", "rtsp://h/a"),
        ("v4l2src device=/dev/video3 ! videoconvert", "/dev/video3"),
        ("v4l2src", "/dev/video0"),
        ("nvarguscamerasrc sensor-id=1", "/dev/video1"),
        ("udpsrc port=5004", "udp://@0.0.0.0:5004"),
        ("videotestsrc", "synthetic://street"),
    ],
)
def test_inputs(source: str, url: str, folder: Path) -> None:
    assert [s.url for s in config(f"{source} ! {FIRST} ! fakesink", folder).streams] == [url]


def test_many_inputs_of_one_element_and_of_several(folder: Path) -> None:
    many = "nvmultiurisrcbin uri-list=rtsp://h/a,rtsp://h/b sensor-id-list=left,right"
    assert [(s.id, s.url) for s in config(f"{many} ! {FIRST}", folder).streams] == [
        ("left", "rtsp://h/a"),
        ("right", "rtsp://h/b"),
    ]
    two = f"rtspsrc location=rtsp://h/a ! m.sink_0 rtspsrc location=rtsp://h/b ! m.sink_1 nvstreammux name=m ! {FIRST}"
    tiler = "nvmultistreamtiler rows=1 columns=2 width=640 height=360"
    made = config(f"{two} ! {tiler} ! nvdsosd ! x265enc ! filesink location=t.mkv", folder)
    assert len(made.streams) == 2
    mosaic = next(s for s in made.sinks if s.kind == "mosaic")
    assert (mosaic.options["rows"], mosaic.options["columns"], mosaic.options["codec"]) == (1, 2, "h265")


# text and another text that differs in one property: the pipeline differs
BASE = f"{MUXED} ! nvtracker ll-config-file=cfg/tracker.txt ! nvinfer config-file-path=cfg/second.txt ! {FILE}"
SECOND = "cfg/second.txt ! nvinfer config-file-path=cfg/second.txt"
CHANGES: dict[str, tuple[str, str]] = {
    "filesrc.location": (BASE, BASE.replace("clips/door.mp4", "cfg/parser.py")),
    "nvinfer.config-file-path": (BASE, BASE.replace("cfg/first.txt", "cfg/third.txt")),
    "nvinfer.unique-id": (BASE, BASE.replace("cfg/second.txt", "cfg/second.txt unique-id=7")),
    "nvinfer.interval": (BASE, BASE.replace("cfg/first.txt", "cfg/first.txt interval=3")),
    "nvinfer.process-mode": (BASE, BASE.replace("cfg/second.txt", "cfg/second.txt process-mode=1")),
    "nvinfer.infer-on-class-ids": (BASE, BASE.replace("cfg/second.txt", "cfg/second.txt infer-on-class-ids=0:")),
    "nvinfer.infer-on-gie-id": (
        BASE.replace("cfg/second.txt", f"{SECOND} unique-id=3 infer-on-gie-id=1"),
        BASE.replace("cfg/second.txt", f"{SECOND} unique-id=3 infer-on-gie-id=2"),
    ),
    "nvtracker.ll-config-file": (BASE, BASE.replace("nvtracker ll-config-file=cfg/tracker.txt", "identity")),
    "nvtracker.ll-lib-file": (
        BASE.replace("ll-config-file=cfg/tracker.txt", "ll-lib-file=libnvds_mot_iou.so"),
        BASE.replace("ll-config-file=cfg/tracker.txt", "ll-lib-file=libnvds_nvdcf.so"),
    ),
    "nvdsosd.border-width": (BASE, BASE.replace("nvdsosd", "nvdsosd border-width=9")),
    "nvdsosd.display-text": (BASE, BASE.replace("nvdsosd", "nvdsosd display-text=0")),
    "nvdsosd.display-mask": (BASE, BASE.replace("nvdsosd", "nvdsosd display-mask=0")),
    "filesink.location": (BASE, BASE.replace("out.mp4", "other.mp4")),
    "nvvideoconvert.src-crop": (BASE, BASE.replace("! m.sink_0", "! nvvideoconvert src-crop=10:20:100:50 ! m.sink_0")),
    "nvdewarper.config-file": (BASE, BASE.replace("! m.sink_0", "! nvdewarper config-file=cfg/dewarp.txt ! m.sink_0")),
    "nvdsanalytics.config-file": (
        BASE,
        BASE.replace("! nvdsosd", "! nvdsanalytics config-file=cfg/analytics.txt ! nvdsosd"),
    ),
    "nvurisrcbin.file-loop": (
        f"nvurisrcbin uri=https://h/a.mp4 ! {FIRST}",
        f"nvurisrcbin uri=https://h/a.mp4 file-loop=1 ! {FIRST}",
    ),
    "nvurisrcbin.drop-frame-interval": (
        f"nvurisrcbin uri=https://h/a.mp4 ! {FIRST}",
        f"nvurisrcbin uri=https://h/a.mp4 drop-frame-interval=5 ! {FIRST}",
    ),
    "rtspsrc.protocols": (f"rtspsrc location=rtsp://h ! {FIRST}", f"rtspsrc location=rtsp://h protocols=udp ! {FIRST}"),
    "nvmsgconv.payload-type": (
        f"{MUXED} ! nvmsgconv ! nvmsgbroker topic=t",
        f"{MUXED} ! nvmsgconv payload-type=1 ! nvmsgbroker topic=t",
    ),
    "nvmsgconv.frame-interval": (
        f"{MUXED} ! nvmsgconv ! nvmsgbroker topic=t",
        f"{MUXED} ! nvmsgconv frame-interval=10 ! nvmsgbroker topic=t",
    ),
    "nvmsgconv.config": (
        f"{MUXED} ! nvmsgconv ! nvmsgbroker topic=t",
        f"{MUXED} ! nvmsgconv config=cfg/msgconv.txt ! nvmsgbroker topic=t",
    ),
    "nvmsgbroker.topic": (f"{MUXED} ! nvmsgconv ! nvmsgbroker topic=t", f"{MUXED} ! nvmsgconv ! nvmsgbroker topic=u"),
}


@pytest.mark.parametrize("key", CHANGES)
def test_another_value_makes_another_pipeline(key: str, folder: Path) -> None:
    one, two = (config(text, folder).model_dump(mode="json") for text in CHANGES[key])
    assert one != two


def test_what_a_crop_is(folder: Path) -> None:
    made = config(CHANGES["nvvideoconvert.src-crop"][1], folder)
    assert (made.limits.crop, made.limits.crop_px) == ((10, 20, 110, 70), True)


def test_the_results_go_into_the_folder(folder: Path) -> None:
    made = translated(f"{MUXED} ! {FILE}", folder, out="there").config
    assert sinks(made) == [("video", "there/out.mp4"), ("jsonl", "there/Launch.jsonl")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{MUXED} ! nvdsfancy ! fakesink", "nvdsfancy: an element that is not known"),
        (f"{MUXED} ! rtph264pay ! udpsink host=1.2.3.4", "RTSP server"),
        (f"{MUXED} ! x264enc ! filesink location=raw.264", "written as raw.mp4"),
        (f"{MUXED} ! filesink location=raw.yuv", "not encoded"),
        (f"{MUXED} ! nvmsgconv ! nvmsgbroker topic=t", "message broker"),
        (f"{MUXED} ! nvinfer config-file-path=cfg/second.txt process-mode=1", "a second model of the whole picture"),
    ],
)
def test_what_is_told(text: str, told: str, folder: Path) -> None:
    notes = translated(text, folder).notes
    assert any(told in note for note in notes)
    assert all(note.startswith("twin.json:7: ") for note in notes if told in note)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("fakesrc ! fakesink", "without an input"),
        ("filesrc location=gone.mp4 ! fakesink", "no such file"),
        ("filesrc ! fakesink", "names no input"),
        (f"{CLIP} ! nvinfer ! fakesink", "names no model"),
        (f"{CLIP} ! nvinfer config-file-path=cfg/gone.txt", "no such file"),
        (f"{CLIP} ! nvinfer config-file-path=cfg/second.txt", "no model before it finds any"),
        (f"{CLIP} ! {FIRST} interval=x", "expected a number"),
        (f"{CLIP} ! nvvideoconvert src-crop=1:2:3 ! {FIRST}", "left:top:width:height"),
        (f"{CLIP} ! nvvideoconvert src-crop=1:2:0:5 ! {FIRST}", "nothing of the picture"),
        (f"{MUXED} ! x264enc ! filesink", "names no file"),
        (f"{MUXED} ! nvdsanalytics ! fakesink", "names no file"),
    ],
)
def test_what_is_wrong_names_the_element(text: str, why: str, folder: Path) -> None:
    with pytest.raises((ConfigError, ModelError)) as caught:
        translated(text, folder)
    assert why in str(caught.value)
    assert "twin.json:7" in str(caught.value)


def test_fates_have_no_secret_and_account_for_everything(folder: Path) -> None:
    text = "rtspsrc location=rtsp://u:S3CRET@h user-id=S3CRET user-pw=S3CRET latency=3 odd=1 ! decodbin ! fakesink"
    fates = list(fates_of_launch(parse_launch(text, "t:1"), "t", 1, "launch"))
    assert len(fates) == 3 + 5
    assert "S3CRET" not in json.dumps([f.plain() for f in fates])
    assert {f.key: f.status for f in fates}["latency"] == "ignored"
    assert next(f.why for f in fates if f.key == "decodbin0").endswith("did you mean decodebin?")


WORDS = st.sampled_from(
    ["!", "nvinfer", "config-file-path=cfg/first.txt", "rtspsrc", "location=rtsp://h", "nvdsosd", "nvtracker", "m.",
     "nvstreammux", "name=m", "filesink", "location=a.mp4", "x264enc", "nvmsgbroker", "nvmsgconv", "width=-3",
     "interval=x", "nvmultistreamtiler", "rows=1e9", "src-crop=a", "nvvideoconvert", "playbin", "uri=x",
     "process-mode=2", "(", ")"]
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(words=st.lists(WORDS, max_size=14))
def test_any_words_make_a_pipeline_or_a_clear_error(words: list[str], folder: Path) -> None:
    with contextlib.suppress(ConfigError, ModelError):
        translated(" ".join(words), folder)
