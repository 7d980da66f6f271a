"""Applications of DeepStream -> pipelines: what each group becomes, and errors that say where."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sightline.config import PipelineConfig
from sightline.config_text import dump_config, parse_config
from sightline.errors import ConfigError, SightlineError
from sightline.foreign.app_pipeline import Translated, config_of, plan_of
from sightline.foreign.places import Places
from sightline.foreign.written import read_written
from tests.foreign.app_cases import FILES, write_files

PRIMARY = "[primary-gie]\nenable=1\nconfig-file=pgie.txt\n"
SOURCE = "[source0]\nenable=1\ntype=2\nuri=file://a.mp4\n"
APP = f"[application]\nenable-perf-measurement=1\n{SOURCE}{PRIMARY}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_files(tmp_path)
    return tmp_path


def translated(folder: Path, text: str, name: str = "app.txt") -> Translated:
    path = folder / name
    path.write_text(text)
    return config_of(plan_of(read_written(path), Places()))


def pipeline(folder: Path, text: str, name: str = "app.txt") -> PipelineConfig:
    made = translated(folder, text, name).config
    assert parse_config(dump_config(made)) == made  # what migrate writes is the same pipeline
    return made


def refused(folder: Path, text: str, name: str = "app.txt") -> str:
    with pytest.raises(ConfigError) as caught:
        translated(folder, text, name)
    return str(caught.value)


def test_the_smallest_application(folder: Path) -> None:
    made = pipeline(folder, APP)
    assert [(s.url, s.id) for s in made.streams] == [(str(folder / "a.mp4"), "a.mp4")]
    assert (made.model.path, made.model.name) == (str(folder / "pgie.txt"), "gie1")
    assert (made.then, made.tracker, made.overlay, made.sinks) == ((), None, None, ())


def test_several_addresses_of_one_source(folder: Path) -> None:
    text = APP.replace("type=2\nuri=file://a.mp4", "type=3\nuri=file://../v/cam%d_%02d.mp4\nnum-sources=2")
    made = pipeline(folder, text)
    assert [Path(s.url).name for s in made.streams] == ["cam0_00.mp4", "cam1_01.mp4"]
    made = pipeline(folder, APP.replace("type=2", "type=3\nnum-sources=3"))
    assert [s.id for s in made.streams] == ["a.mp4", "a.mp4#2", "a.mp4#3"]


def test_cameras_and_transports(folder: Path) -> None:
    text = APP + (
        "[source1]\nenable=1\ntype=4\nuri=rtsp://user:secret@cam/1\nselect-rtp-protocol=1\ncamera-id=7\n"
        "[source2]\nenable=1\ntype=1\ncamera-v4l2-dev-node=3\n[source3]\nenable=0\ntype=9\n"
        "[source4]\nenable=1\ntype=6\nuri=file://a.wav\n"
    )
    made = translated(folder, text)
    assert [(s.url, s.id, s.rtsp_transport) for s in made.config.streams[1:]] == [
        ("rtsp://user:secret@cam/1", "camera-7", "udp"),
        ("/dev/video3", "video3", "tcp"),
    ]
    assert any("is sound, which is not looked at" in note for note in made.notes)


def test_a_list_of_sources_and_a_table(folder: Path) -> None:
    text = (
        "[application]\n[source-list]\nnum-source-bins=2\nlist=file://a.mp4;rtsp://b/c;\nsensor-id-list=one;two\n"
        f"[source-attr-all]\nenable=1\ntype=3\nnum-sources=1\nselect-rtp-protocol=1\n{PRIMARY}"
    )
    made = pipeline(folder, text)
    assert [(s.id, s.rtsp_transport) for s in made.streams] == [("one", "udp"), ("two", "udp")]
    (folder / "t.csv").write_text(
        "enable,type,uri,num-sources,gpu-id,nvbuf-memory-type\n1,3,file://v%d.mp4,2,0,0\n0,3,file://w.mp4,1,0,0\n"
    )
    made = pipeline(
        folder,
        "application:\n  x: 1\nsource:\n  csv-file-path: t.csv\nprimary-gie:\n  enable: 1\n  config-file: pgie.txt\n",
        "a.yml",
    )
    assert [s.id for s in made.streams] == ["v0.mp4", "v1.mp4"]


def test_a_chain_of_models(folder: Path) -> None:
    text = APP + (
        "[tracker]\nenable=1\nll-config-file=tracker.yml\n"
        "[secondary-gie0]\nenable=1\nconfig-file=sgie.txt\noperate-on-gie-id=1\noperate-on-class-ids=0;2;\n"
        "[secondary-gie1]\nenable=1\nconfig-file=sgie2.txt\noperate-on-gie-id=2\noperate-on-class-ids=1\n"
        "[secondary-gie2]\nenable=0\nconfig-file=none.txt\n"
    )
    (folder / "sgie.txt").write_text((folder / "sgie.txt").read_text() + "secondary-reinfer-interval=90\n")
    (folder / "sgie2.txt").write_text(
        (folder / "sgie2.txt").read_text() + "classifier-async-mode=1\ninput-object-max-height=100\n"
    )
    first, second = pipeline(folder, text).then
    assert (first.name, first.from_, first.objects) == ("gie2", "", ("car", "person"))
    assert first.remember is not None
    assert (first.remember.frames, first.wait) == (90, True)
    assert (second.name, second.from_, second.objects) == ("gie3", "gie2", ("tram",))
    assert (second.min_size_px, second.max_size_px, second.wait) == ((32, 0), (1e6, 100), False)
    untracked = pipeline(folder, text.replace("[tracker]\nenable=1", "[tracker]\nenable=0"))
    assert all(stage.remember is None and stage.wait for stage in untracked.then)


def test_intervals_and_dropped_frames_add_up(folder: Path) -> None:
    text = APP.replace("config-file=pgie.txt", "config-file=pgie.txt\ninterval=1")
    assert pipeline(folder, text).limits.interval == 1
    assert pipeline(folder, text.replace("uri=", "drop-frame-interval=5\nuri=")).limits.interval == 9
    assert pipeline(folder, APP.replace("pgie.txt", "pgie2.txt")).limits.interval == 3


def test_colours_of_labels(folder: Path) -> None:
    text = APP.replace("[primary-gie]\n", "[primary-gie]\nbbox-border-color1=0;0.5;1;1\nbbox-border-color=1;1;1;1\n")
    made = pipeline(folder, text + "[osd]\nenable=1\n")
    assert made.overlay is not None
    assert made.overlay.options["colors"] == {
        "car": "#ffffff", "bicycle": "#0080ff", "person": "#ffffff", "roadsign": "#ffffff",
    }  # fmt: skip
    assert "each 0 to 1" in refused(folder, text.replace("0;0.5;1;1", "0;5;1;1"))


def test_tiles_and_files(folder: Path) -> None:
    two = (
        APP
        + "[source1]\nenable=1\ntype=2\nuri=file://b.mp4\n[sink0]\nenable=1\ntype=3\ncontainer=2\ncodec=2\noutput-file=o.mp4\n"
    )
    (sink,) = pipeline(folder, two).sinks
    assert (sink.kind, sink.options) == ("video", {"path": "o.mkv", "codec": "h265", "streams": ["a.mp4"]})
    tiled = two + "[tiled-display]\nenable=1\nrows=1\ncolumns=2\nwidth=640\nheight=180\n"
    (sink,) = pipeline(folder, tiled).sinks
    assert (sink.kind, sink.options["rows"], sink.options["width"], sink.options["path"]) == ("mosaic", 1, 640, "o.mkv")
    both = tiled.replace("[tiled-display]\nenable=1", "[tiled-display]\nenable=2")
    both += "[sink1]\nenable=1\ntype=3\noutput-file=alone.mp4\nlink-to-demux=1\n"
    assert [sink.kind for sink in pipeline(folder, both).sinks] == ["mosaic", "video"]


def test_windows_messages_and_what_is_still_to_come(folder: Path) -> None:
    text = APP + (
        "[streammux]\nwidth=1280\nheight=720\n"
        "[sink0]\nenable=1\ntype=2\nsync=0\n[sink1]\nenable=1\ntype=5\n[sink2]\nenable=1\ntype=4\nrtsp-port=8554\n"
        "[sink3]\nenable=1\ntype=6\nmsg-conv-config=sensors.txt\nmsg-conv-payload-type=0\ntopic=a/b\n"
        "[sink4]\nenable=1\ntype=1\n"
    )
    made = translated(folder, text)
    show, messages = made.config.sinks
    assert (show.kind, show.options) == ("show", {"pace": False})
    assert (messages.kind, messages.options["path"]) == ("jsonl", "a_b.jsonl")
    payload = messages.options["payload"]
    assert isinstance(payload, dict)
    # the application makes the old form itself, and counts in the source's own pixels
    assert (payload["kind"], payload["api"], "size_wh" in payload) == ("deepstream", "old", False)
    asked = text.replace("topic=a/b", "topic=a/b\nmsg-conv-msg2p-new-api=1")
    new = translated(folder, asked).config.sinks[1].options["payload"]
    assert isinstance(new, dict)
    assert (new["api"], new["size_wh"]) == ("new", (1280, 720))
    assert payload["sensors"]["0"]["id"] == "HWY_20"
    assert any("needs an RTSP server" in note and ":21:" in note for note in made.notes)


def test_every_surface_of_a_dewarper_is_a_stream_of_its_own(folder: Path) -> None:
    (folder / "two.txt").write_text(FILES["lens.txt"] + "[surface1]\nprojection-type=4\nwidth=64\nheight=64\n")
    text = APP + (
        "[source1]\nenable=1\ntype=2\nuri=file://b.mp4\nsmart-record=2\n[dewarper0]\nenable=1\nsource-id=0\n"
        "config-file=two.txt\n[nvds-analytics]\nenable=1\nconfig-file=rules.txt\n"
        "[pre-process]\nenable=1\nconfig-file=prepared.txt\n"
        "[sink0]\nenable=1\ntype=3\nsource-id=0\noutput-file=o.mp4\n"
        "[sink1]\nenable=1\ntype=3\nsource-id=1\noutput-file=p.mp4\n"
        "[sink2]\nenable=1\ntype=6\nmsg-conv-config=both.txt\n"
    )
    (folder / "both.txt").write_text(
        "[sensor0]\nenable=1\ntype=Camera\nid=zero\n[sensor1]\nenable=1\ntype=Camera\nid=one\n"
    )
    made = translated(folder, text)
    first, second, other = made.config.streams
    assert [(s.id, Path(s.url).name) for s in made.config.streams] == [
        ("a.mp4-0", "a.mp4"), ("a.mp4-1", "a.mp4"), ("b.mp4", "b.mp4"),
    ]  # fmt: skip
    assert first.dewarp is not None
    assert second.dewarp is not None
    assert other.dewarp is None
    assert (first.dewarp.options["to"], second.dewarp.options["to"]) == ("pushbroom", "perspective")
    assert [len(s.analytics) for s in made.config.streams] == [1, 1, 0]
    assert made.config.model.regions is not None
    assert made.config.model.regions[0].streams == ("a.mp4-0", "a.mp4-1")
    videos = [sink.options["streams"] for sink in made.config.sinks if sink.kind == "video"]
    assert videos == [["a.mp4-0", "a.mp4-1"], ["b.mp4"]]
    (recorded,) = [sink.options["streams"] for sink in made.config.sinks if sink.kind == "record"]
    assert recorded == ["b.mp4"]
    (messages,) = [sink.options["payload"] for sink in made.config.sinks if sink.kind == "jsonl"]
    assert isinstance(messages, dict)
    assert {number: sensor["id"] for number, sensor in messages["sensors"].items()} == {
        "0": "zero", "1": "zero", "2": "one",
    }  # fmt: skip
    assert not [note for note in made.notes if "surfaces" in note]


def test_recordings_of_single_streams(folder: Path) -> None:
    smart = "smart-record=2\nsmart-rec-start-time=9\nsmart-rec-cache=4\nsmart-rec-file-prefix=gate\n"
    text = APP.replace("uri=", smart + "uri=")
    (sink,) = pipeline(folder, text).sinks
    assert (sink.kind, sink.options) == (
        "record", {"path": "recordings/", "pre_s": 4, "name": "gate-{stream}-{time}"},
    )  # fmt: skip
    (sink,) = pipeline(folder, text + "[source1]\nenable=1\ntype=2\nuri=file://b.mp4\n").sinks
    assert sink.options["streams"] == ["a.mp4"]


def test_rules_of_streams(folder: Path) -> None:
    made = pipeline(folder, APP + "[nvds-analytics]\nenable=1\nconfig-file=rules2.txt\n")
    (rule,) = made.streams[0].analytics
    assert (rule.kind, rule.options["name"]) == ("roi", "B")
    assert rule.options["classes"] == ["car"] or rule.options["classes"] == ("car",)


def test_without_a_primary_model_streams_are_shown(folder: Path) -> None:
    made = translated(folder, APP.replace("[primary-gie]\nenable=1", "[primary-gie]\nenable=0"))
    assert made.config.model.path == "builtin:nothing"
    text = APP.replace("[primary-gie]\nenable=1", "[primary-gie]\nenable=0")
    made = translated(folder, text + "[secondary-gie0]\nenable=1\nconfig-file=sgie.txt\n")
    assert "no primary model is on" in made.notes[0]


def test_the_yaml_of_a_tao_application(folder: Path) -> None:
    text = (
        "source-list:\n  list: file:///v/a.mp4;file:///v/b.mp4\nprimary-gie:\n  plugin-type: 0\n"
        "  config-file-path: pgie.txt\n  unique-id: 4\nsecondary-gie-1:\n  config-file-path: sgie.txt\n  unique-id: 5\n"
        "eglsink:\n  enable: 0\nfilesink:\n  enable: 1\nfakesink:\n  enable: 0\ntests:\n  file-loop: 1\n"
    )
    made = pipeline(folder, text, "app.yml")
    assert [s.url for s in made.streams] == ["/v/a.mp4", "/v/b.mp4"]
    assert (made.model.name, made.then[0].name, made.limits.loop) == ("gie4", "gie5", True)
    assert made.overlay is not None
    assert [sink.options["path"] for sink in made.sinks] == ["out-{stream}.mp4"]


def test_a_service_maker_pipeline(folder: Path) -> None:
    text = (
        "deepstream:\n  nodes:\n"
        "  - {type: nvurisrcbin, name: src, properties: {uri: 'file:///v/a.mp4'}}\n"
        "  - {type: nvstreammux, name: mux, properties: {batch-size: 1}}\n"
        "  - {type: nvinfer, name: pgie, properties: {config-file-path: pgie.txt}}\n"
        "  - {type: nvtracker, name: tracker, properties: {ll-config-file: tracker.yml}}\n"
        "  - {type: nvinfer, name: sgie, properties: {config-file-path: sgie.txt, infer-on-class-ids: '0:2'}}\n"
        "  - {type: nvdsosd, name: osd}\n"
        "  - {type: nv3dsink, name: sink, properties: {sync: false}}\n"
        "  - {type: nvmsgbroker, name: off, enable: false, properties: {topic: t}}\n"
        "  edges:\n    src: mux\n"
    )
    made = pipeline(folder, text, "p.yaml")
    assert made.streams[0].url == "/v/a.mp4"
    assert (made.model.name, made.then[0].objects) == ("gie1", ("car", "person"))
    assert made.tracker is not None
    assert [(sink.kind, sink.options) for sink in made.sinks] == [("show", {"pace": False})]


SECOND = "[secondary-gie0]\nenable=1\nconfig-file=sgie.txt\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (APP + SECOND + "gie-unique-id=1\n", ("app.txt:12: gie-unique-id 1 is that of", "app.txt:9 as well")),
        (APP + SECOND + "operate-on-gie-id=9\n", ("app.txt:12: operate-on-gie-id 9", "there are: 1, 2")),
        (APP + SECOND + "operate-on-gie-id=2\n", ("goes round in a circle: 2 -> 2",)),
        (APP.replace("pgie.txt", "gone.txt"), ("app.txt:9: config-file=gone.txt: no such file", "--map OLD=NEW")),
        (APP.replace("config-file=pgie.txt", ""), ("[primary-gie] names no model",)),
        (APP.replace("uri=file://a.mp4", ""), ("[source0] names no input",)),
        (APP.replace("[source0]\nenable=1", "[source0]\nenable=0"), ("no input is switched on", "-i VIDEO")),
        (APP.replace("type=2", "type=many"), ("app.txt:5: type=many: expected a number",)),
        (APP.replace("type=2", "type=77"), ("app.txt:4: [source0]: type=77 is no type of a source",)),
        (APP + "[sink0]\nenable=1\ntype=17\n", ("[sink0]: type=17 is no type of a sink",)),
        (APP + "[sink0]\nenable=1\ntype=3\ncodec=9\n", ("codec=9: 1 H.264",)),
        (APP + "[osd]\nenable=1\nborder-width=x\n", ("app.txt:12: border-width=x",)),
        (APP + "[tiled-display]\nenable=1\nwidth=2\n", ("2x720: each side 16 to 8192",)),
        (APP + "[nvds-analytics]\nenable=1\nconfig-file=gone.txt\n", ("app.txt:12: config-file=gone.txt",)),
        (APP.replace("type=2", "type=3\nnum-sources=100000"), ("at most 1024",)),
        (APP + PRIMARY.replace("gie]", "gie1]"), ("is a second primary model", "-c FILE")),
    ],
)
def test_what_cannot_be_says_where(text: str, words: tuple[str, ...], folder: Path) -> None:
    said = refused(folder, text)
    for word in words:
        assert word in said


_GROUPS = (
    "source0",
    "source1",
    "primary-gie",
    "secondary-gie0",
    "tracker",
    "osd",
    "sink0",
    "tiled-display",
    "streammux",
)
_KEYS = ("enable", "type", "uri", "config-file", "gie-unique-id", "operate-on-gie-id", "width", "interval",
         "num-sources", "operate-on-class-ids", "bbox-border-color0", "ll-config-file", "output-file", "codec",
         "text-size")  # fmt: skip
_VALUES = (
    "0",
    "1",
    "2",
    "3",
    "-1",
    "",
    "x",
    "file://a.mp4",
    "pgie.txt",
    "sgie.txt",
    "1;0;0;1",
    "99999999999",
    "%d%s%n",
    "nan",
)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    said=st.lists(st.tuples(st.sampled_from(_GROUPS), st.sampled_from(_KEYS), st.sampled_from(_VALUES)), max_size=14)
)
def test_any_values_make_a_pipeline_or_an_error_of_ours(said: list[tuple[str, str, str]], folder: Path) -> None:
    text = APP + "".join(f"[{group}]\nenable=1\n{key}={value}\n" for group, key, value in said)
    try:
        made = translated(folder, text)
    except SightlineError as error:
        assert str(folder) in str(error)  # noqa: PT017
        return
    assert made.config.streams


def test_bounds_of_boxes_are_counted_in_the_muxers_frame(folder: Path) -> None:
    muxed = "[streammux]\nwidth=1280\nheight=720\n"
    assert pipeline(folder, APP + muxed).model.bounds_wh is None
    with (folder / "pgie.txt").open("a") as file:
        file.write("[class-attrs-all]\ndetected-min-w=20\n")
    assert pipeline(folder, APP + muxed).model.bounds_wh == (1280, 720)
    assert pipeline(folder, APP).model.bounds_wh is None


def test_colours_of_the_drawing(folder: Path) -> None:
    osd = (
        "[osd]\nenable=1\ntext-color=1;1;1;1;\ntext-bg-color=0.3;0.3;0.3;0.5\nshow-clock=1\nclock-x-offset=800\n"
        "clock-y-offset=820\nclock-text-size=12\nclock-color=1;0;0;0\ndisplay-bbox=0\n"
    )
    drawn = pipeline(folder, APP + osd + "[primary-gie]\nbbox-bg-color1=0;0;1;0.2\n").overlay
    assert drawn is not None
    wanted = {
        "boxes": False, "text_color": "#ffffff", "plate_color": "#4c4c4c80", "clock": True, "clock_at": [800, 820],
        "clock_px": 16, "clock_color": "#ff0000", "fills": {"bicycle": "#0000ff33"},
    }  # fmt: skip
    assert {key: value for key, value in drawn.options.items() if key in wanted} == wanted
    node = "deepstream:\n  nodes:\n  - {type: uridecodebin, properties: {uri: 'file://a.mp4'}}\n"
    for value in ("0x0080ffff", "8454143"):
        text = node + f"  - {{type: nvdsosd, properties: {{display-clock: 1, clock-color: '{value}'}}}}\n"
        drawn = pipeline(folder, text, "pipeline.yaml").overlay
        assert drawn is not None
        assert drawn.options["clock_color"] == "#0080ff"
