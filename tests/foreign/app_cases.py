"""For every key that is called honoured or translated: a file in which it stands, and two values that differ.

A case is (group, key) -> (value, other value, what else the file says). Files beside it are those of `write_files`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Said = dict[str, dict[str, str]]

LABELS = "car\nbicycle\nperson\nroadsign\n"
OTHER_LABELS = "bus\ntram\nlorry\nvan\n"
_NVINFER = "[property]\nonnx-file=model.onnx\nlabelfile-path={labels}\ngie-unique-id={id}\n{more}"
_ANALYTICS = "[property]\nenable=1\nconfig-width=100\nconfig-height=100\n[roi-filtering-stream-0]\nenable=1\n"
_PREPROCESS = (
    "[property]\nenable=1\ntarget-unique-ids={id}\nnetwork-input-shape=1;3;64;64\n"
    "[group-0]\nsrc-ids=0\nprocess-on-roi=1\nroi-params-src-0={roi}\n"
)
_DEWARPER = "[property]\noutput-width=64\noutput-height=64\n[surface0]\nprojection-type={kind}\nwidth=64\nheight=64\n"
_TRACKER = "BaseConfig:\n  minDetectorConfidence: {low}\nTargetManagement:\n  probationAge: 3\n"
_SENSOR = "[sensor0]\nenable=1\ntype=Camera\nid={id}\n"

FILES = {
    "labels.txt": LABELS,
    "labels2.txt": OTHER_LABELS,
    "pgie.txt": _NVINFER.format(labels="labels.txt", id=1, more="interval=0\n"),
    "pgie2.txt": _NVINFER.format(labels="labels2.txt", id=1, more="interval=3\n"),
    "sgie.txt": _NVINFER.format(labels="labels2.txt", id=2, more="process-mode=2\n"),
    "sgie2.txt": _NVINFER.format(labels="labels2.txt", id=3, more="process-mode=2\ninput-object-min-width=32\n"),
    "rules.txt": _ANALYTICS + "roi-A=10;10;90;10;90;90\nclass-id=-1\n",
    "rules2.txt": _ANALYTICS + "roi-B=10;10;90;10;90;90\nclass-id=0\n",
    "prepared.txt": _PREPROCESS.format(id=1, roi="0;0;50;50"),
    "prepared2.txt": _PREPROCESS.format(id=1, roi="0;0;50;60"),
    "lens.txt": _DEWARPER.format(kind=1),
    "lens2.txt": _DEWARPER.format(kind=4),
    "tracker.yml": _TRACKER.format(low=0.1),
    "tracker2.yml": _TRACKER.format(low=0.3),
    "sensors.txt": _SENSOR.format(id="HWY_20"),
    "sensors2.txt": _SENSOR.format(id="HWY_30"),
    "more.yml": "secondary-gie0:\n  enable: 1\n  config-file: sgie.txt\n",
    "more2.yml": "secondary-gie0:\n  enable: 1\n  config-file: sgie2.txt\nsecondary-gie1:\n  config-file: sgie.txt\n",
    "own.yml": "tracker:\n  enable: 1\n  ll-config-file: tracker.yml\n",
    "own2.yml": "tracker:\n  enable: 1\n  ll-config-file: tracker2.yml\n",
    "poses.yml": "threshHeat: 0.1\nthreshHumanScore: 0.4\n",
    "poses2.yml": "threshHeat: 0.2\nthreshHumanScore: 0.4\n",
    "table.csv": "enable,type,uri\n1,2,file://a.mp4\n",
    "table2.csv": "enable,type,uri\n1,2,file://b.mp4\n",
}

BASE: Said = {
    "source0": {"enable": "1", "type": "2", "uri": "file://a.mp4"},
    "sink0": {"enable": "1", "type": "3", "output-file": "out.mp4"},
    "osd": {"enable": "1"},
    "primary-gie": {"enable": "1", "config-file": "pgie.txt"},
}
_TWO: Said = {"source1": {"enable": "1", "type": "2", "uri": "file://b.mp4"}}
_BRANCHED: Said = {**_TWO, "primary-gie": {"gie-unique-id": "1"}}
_TILED: Said = {"tiled-display": {"enable": "1", "rows": "1", "columns": "2"}, **_TWO}
_BROKER: Said = {"sink0": {"type": "6", "topic": "events"}}
_NEW_FORM: Said = {"sink0": {**_BROKER["sink0"], "msg-conv-msg2p-new-api": "1"}}
_SECOND: Said = {"secondary-gie0": {"enable": "1", "config-file": "sgie.txt"}}
_CLOCK: Said = {"osd": {"enable": "1", "show-clock": "1"}}
_RECORDED: Said = {"source0": {"smart-record": "2"}}


@dataclass(frozen=True, slots=True)
class Case:
    """Two values of a key that make two different pipelines. beside: what else the file says; "" takes a key away."""

    one: str
    other: str
    beside: Said = field(default_factory=dict)


def write_files(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).write_text(text)


def rendered(case: Case, group: str, key: str, value: str, base: Mapping[str, Mapping[str, str]] = BASE) -> str:
    """The whole file as key=value text."""
    said: Said = {name: dict(keys) for name, keys in base.items()}
    for name, keys in case.beside.items():
        said.setdefault(name, {}).update(keys)
    said.setdefault(group, {})[key] = value
    lines: list[str] = []
    for name, keys in said.items():
        lines += [f"[{name}]", *(f"{k}={v}" for k, v in keys.items() if v), ""]
    return "\n".join(lines)


def rendered_yaml(case: Case, group: str, key: str, value: str, base: Mapping[str, Mapping[str, str]]) -> str:
    """The same as YAML."""
    lines: list[str] = []
    for line in rendered(case, group, key, value, base).splitlines():
        if line.startswith("["):
            lines.append(f"{line.strip('[]')}:")
        elif line:
            name, _, text = line.partition("=")
            lines.append(f"  {name}: '{text}'")
    return "\n".join(lines) + "\n"


def smart(beside: Said, prefix: Said | None = None) -> Iterator[tuple[str, Case]]:
    more = prefix or {}
    yield "smart-record", Case("0", "2", more)
    for key, one, other in (
        ("smart-rec-dir-path", "a", "b"),
        ("smart-rec-file-prefix", "left", "right"),
        ("smart-rec-video-cache", "1", "2"),
        ("smart-rec-cache", "1", "2"),
        ("smart-rec-start-time", "1", "2"),
        ("smart-rec-default-duration", "10", "20"),
        ("smart-rec-duration", "10", "20"),
    ):
        yield key, Case(one, other, beside)


_SOURCE = {
    "enable": Case("0", "1", {"source1": dict(_TWO["source1"])}),
    "type": Case("2", "1"),
    "uri": Case("file://a.mp4", "rtsp://camera/b"),
    "num-sources": Case("1", "2", {"source0": {"type": "3"}}),
    "camera-v4l2-dev-node": Case("0", "1", {"source0": {"type": "1"}}),
    "camera-csi-sensor-id": Case("0", "1", {"source0": {"type": "5"}}),
    "camera-width": Case("640", "1280", {"source0": {"type": "1", "camera-height": "480"}}),
    "camera-height": Case("480", "720", {"source0": {"type": "1", "camera-width": "1280"}}),
    "camera-fps-n": Case("15", "30", {"source0": {"type": "1", "camera-fps-d": "1"}}),
    "camera-fps-d": Case("1", "2", {"source0": {"type": "1", "camera-fps-n": "30"}}),
    "camera-id": Case("1", "2"),
    "drop-frame-interval": Case("0", "5"),
    "select-rtp-protocol": Case("4", "1"),
    "set-rtp-protocol": Case("4", "1"),
    "csv-file-path": Case("table.csv", "table2.csv"),
    **dict(smart(_RECORDED)),
}
_LIST: Said = {
    "source0": {"enable": "0"},
    "source-list": {"enable": "1", "list": "file://a.mp4"},
    "source-attr-all": {"enable": "1"},
}
_ALL = {
    "enable": Case("0", "1", {**_LIST, "source-attr-all": {"select-rtp-protocol": "1"}}),
    "camera-id": Case("1", "2", _LIST),
    "drop-frame-interval": Case("0", "5", _LIST),
    "select-rtp-protocol": Case("4", "1", _LIST),
    "set-rtp-protocol": Case("4", "1", _LIST),
    **dict(smart({**_LIST, "source-attr-all": {"enable": "1", "smart-record": "2"}}, _LIST)),
}
_MESSAGES = {
    "msg-conv-config": Case("sensors.txt", "sensors2.txt", _BROKER),
    "msg-conv-payload-type": Case("0", "1", _BROKER),
    "msg-conv-frame-interval": Case("1", "30", {"sink0": {**_BROKER["sink0"], "msg-conv-payload-type": "0"}}),
    "msg-conv-msg2p-new-api": Case("0", "1", {"sink0": {**_BROKER["sink0"], "msg-conv-payload-type": "0"}}),
}
_GIE = {
    "config-file": Case("pgie.txt", "pgie2.txt"),
    "config-file-path": Case("pgie.txt", "pgie2.txt", {"primary-gie": {"config-file": ""}}),
    "gie-unique-id": Case("1", "7"),
    "unique-id": Case("1", "7"),
    "interval": Case("0", "2"),
    "labelfile-path": Case("labels.txt", "labels2.txt"),
    "bbox-border-color": Case("1;0;0;1", "0;1;0;1"),
    "bbox-border-color#": Case("1;0;0;1", "0;1;0;1"),
    "bbox-bg-color": Case("1;0;0;0.5", "0;1;0;0.5"),
    "bbox-bg-color#": Case("1;0;0;0.5", "1;0;0;0.25"),
}
_TILES = {
    "enable": ("0", "1"),
    "rows": ("1", "2"),
    "columns": ("1", "2"),
    "width": ("640", "1280"),
    "height": ("360", "720"),
}
# (group, key) of deepstream-app's files
APP: dict[tuple[str, str], Case] = {
    ("application", "gie-kitti-output-dir"): Case("a", "b"),
    ("application", "kitti-track-output-dir"): Case("a", "b"),
    **{("tiled-display", key): Case(*values, _TILED) for key, values in _TILES.items()},
    ("source-list", "enable"): Case("0", "1", {**_LIST, "source0": {"enable": "1"}}),
    ("source-list", "list"): Case("file://a.mp4", "file://a.mp4;file://b.mp4", _LIST),
    ("source-list", "sensor-id-list"): Case("a", "b", _LIST),
    ("source-list", "sensor-name-list"): Case("a", "b", _LIST),
    **{("source-attr-all", key): case for key, case in _ALL.items()},
    **{("source#", key): case for key, case in _SOURCE.items()},
    ("streammux", "width"): Case("640", "1280", {**_NEW_FORM, "streammux": {"height": "720"}}),
    ("streammux", "height"): Case("360", "720", {**_NEW_FORM, "streammux": {"width": "1280"}}),
    **{(group, key): Case(one, other, {group.replace("#", "0"): {"enable": "1", **beside}})
       for group in ("pre-process", "secondary-pre-process#") for key, one, other, beside in (
           ("enable", "0", "1", {"config-file": "prepared.txt"}),
           ("config-file", "prepared.txt", "prepared2.txt", {}),
           ("config-file-path", "prepared.txt", "prepared2.txt", {}))},
    ("primary-gie#", "enable"): Case("0", "1"),
    **{("primary-gie#", key): case for key, case in _GIE.items()},
    ("secondary-gie#", "enable"): Case("0", "1", _SECOND),
    ("secondary-gie#", "config-file"): Case("sgie.txt", "sgie2.txt", _SECOND),
    ("secondary-gie#", "config-file-path"): Case("sgie.txt", "sgie2.txt", {"secondary-gie0": {"enable": "1"}}),
    ("secondary-gie#", "gie-unique-id"): Case("2", "5", _SECOND),
    ("secondary-gie#", "unique-id"): Case("2", "5", _SECOND),
    ("secondary-gie#", "interval"): Case("0", "2", _SECOND),
    ("secondary-gie#", "labelfile-path"): Case("labels.txt", "labels2.txt", _SECOND),
    ("secondary-gie#", "bbox-border-color"): Case("1;0;0;1", "0;1;0;1", _SECOND),
    ("secondary-gie#", "bbox-border-color#"): Case("1;0;0;1", "0;1;0;1", _SECOND),
    ("secondary-gie#", "bbox-bg-color"): Case("1;0;0;0.5", "0;1;0;0.5", _SECOND),
    ("secondary-gie#", "bbox-bg-color#"): Case("1;0;0;0.5", "0;1;0;0.5", _SECOND),
    ("secondary-gie#", "operate-on-gie-id"): Case(
        "1", "3", {**_SECOND, "secondary-gie1": {"enable": "1", "config-file": "sgie2.txt"}}
    ),
    ("secondary-gie#", "operate-on-class-ids"): Case("0", "0;2", _SECOND),
    ("tracker#", "enable"): Case("0", "1"),
    ("tracker#", "ll-lib-file"): Case("libnvds_mot_iou.so", "libnvds_mot_klt.so", {"tracker": {"enable": "1"}}),
    ("tracker#", "ll-config-file"): Case("tracker.yml", "tracker2.yml", {"tracker": {"enable": "1"}}),
    ("tracker#", "display-tracking-id"): Case("0", "1", {"tracker": {"enable": "1"}}),
    ("nvds-analytics#", "enable"): Case("0", "1", {"nvds-analytics": {"config-file": "rules.txt"}}),
    ("nvds-analytics#", "config-file"): Case("rules.txt", "rules2.txt", {"nvds-analytics": {"enable": "1"}}),
    ("nvds-analytics#", "cfg-file-path"): Case("rules.txt", "rules2.txt", {"nvds-analytics": {"enable": "1"}}),
    ("osd", "enable"): Case("0", "1"),
    ("osd", "border-width"): Case("1", "4"),
    ("osd", "text-size"): Case("10", "15"),
    ("osd", "display-text"): Case("0", "1"),
    ("osd", "display-mask"): Case("0", "1"),
    ("osd", "display-bbox"): Case("0", "1"),
    ("osd", "text-color"): Case("1;1;1;1", "0;1;0;1"),
    ("osd", "text-bg-color"): Case("0.3;0.3;0.3;1", "0.3;0.3;0.3;0.5"),
    ("osd", "show-clock"): Case("0", "1"),
    ("osd", "clock-x-offset"): Case("10", "20", _CLOCK),
    ("osd", "clock-y-offset"): Case("10", "20", _CLOCK),
    ("osd", "clock-text-size"): Case("10", "12", _CLOCK),
    ("osd", "clock-color"): Case("1;0;0;0", "0;1;0;0", _CLOCK),
    ("segvisual", "enable"): Case("0", "1", {"osd": {"enable": "0"}}),
    ("segvisual", "alpha"): Case("0.2", "0.8", {"segvisual": {"enable": "1"}}),
    ("dewarper#", "enable"): Case("0", "1", {"dewarper0": {"config-file": "lens.txt"}}),
    ("dewarper#", "config-file"): Case("lens.txt", "lens2.txt", {"dewarper0": {"enable": "1"}}),
    ("dewarper#", "source-id"): Case("0", "1", {"dewarper0": {"enable": "1", "config-file": "lens.txt"}, **_TWO}),
    ("sink#", "enable"): Case("0", "1"),
    ("sink#", "type"): Case("2", "3"),
    ("sink#", "output-file"): Case("a.mp4", "b.mp4"),
    ("sink#", "codec"): Case("1", "2"),
    ("sink#", "container"): Case("1", "2"),
    ("sink#", "sw-preset"): Case("1", "3"),
    ("sink#", "bitrate"): Case("2000000", "4000000"),
    ("sink#", "iframeinterval"): Case("10", "30"),
    ("sink#", "sync"): Case("0", "1", {"sink0": {"type": "2"}}),
    ("sink#", "link-to-demux"): Case("0", "1", {**_TILED, "tiled-display": {"enable": "2"}}),
    ("sink#", "source-id"): Case("0", "1", _TWO),
    ("sink#", "topic"): Case("a", "b", _BROKER),
    **{("sink#", key): case for key, case in _MESSAGES.items()},
    ("message-converter", "enable"): Case("0", "1", {**_BROKER, "message-converter": {"msg-conv-payload-type": "1"}}),
    **{("message-converter", key): Case(case.one, case.other, {**_BROKER, "message-converter": {"enable": "1"}})
       for key, case in _MESSAGES.items()},
    ("tests", "file-loop"): Case("0", "1"),
    ("branch#", "pgie-id"): Case("1", "2", {**_BRANCHED, "branch0": {"src-ids": "1"}}),
    ("branch#", "src-ids"): Case("0", "1", {**_BRANCHED, "branch0": {"pgie-id": "1"}}),
    ("secondary-gie#", "cfg-file-path"): Case("more.yml", "more2.yml", {"secondary-gie0": {"enable": "1"}}),
    ("tracker#", "cfg-file-path"): Case("own.yml", "own2.yml", {"tracker": {"enable": "1"}}),
}  # fmt: skip

# -- the groups of the TAO applications and their like, beside deepstream-app's ----------------------------------------

TAO_BASE: Said = {
    "source-list": {"list": "file://a.mp4"},
    "primary-gie": {"config-file-path": "pgie.txt"},
    "output": {"type": "1", "filename": "out"},
}
_MULTI: Said = {"source-list": {"list": ""}, "multiurisrcbin": {"uri-list": "file://a.mp4"}}
_SERVER: Said = {"source-list": {"list": ""}, "server-app-ctx": {"uri_list": "file://a.mp4"}}
_SINGLE: Said = {"source-list": {"list": ""}, "source": {"uri": "file://a.mp4"}}
_TAO_BROKER: Said = {"msgbroker": {"topic": "events"}}
_TAO_SMART: Said = {"source-list": {"smart-record": "2"}}


def _multi(group: str, beside: Said) -> Iterator[tuple[tuple[str, str], Case]]:
    bare: Said = {**beside, group: dict.fromkeys(beside[group], "")}
    for key in ("uri-list", "uri_list"):
        yield (group, key), Case("file://a.mp4", "file://b.mp4,file://c.mp4", bare)
    for key in ("sensor-id-list", "sensor-name-list"):
        yield (group, key), Case("a", "b", beside)
    yield (group, "file-loop"), Case("0", "1", beside)
    yield (group, "select-rtp-protocol"), Case("4", "1", beside)
    yield (group, "drop-frame-interval"), Case("0", "5", beside)


TAO: dict[tuple[str, str], Case] = {
    ("source-list", "enable"): Case("0", "1", {"source": {"uri": "file://b.mp4"}}),
    ("source-list", "list"): Case("file://a.mp4", "file://b.mp4;file://c.mp4"),
    ("source-list", "sensor-id-list"): Case("a", "b"),
    ("source-list", "sensor-name-list"): Case("a", "b"),
    ("source-list", "camera-id"): Case("1", "2"),
    ("source-list", "drop-frame-interval"): Case("0", "5"),
    ("source-list", "select-rtp-protocol"): Case("4", "1"),
    ("source-list", "set-rtp-protocol"): Case("4", "1"),
    **{("source-list", key): case for key, case in smart(_TAO_SMART)},
    ("source#", "location"): Case("a.mp4", "b.mp4", {"source-list": {"list": ""}}),
    ("source#", "list"): Case("file://a.mp4", "file://b.mp4", {"source-list": {"list": ""}}),
    ("source#", "uri-list"): Case("file://a.mp4", "file://b.mp4", {"source-list": {"list": ""}}),
    ("source#", "uri_list"): Case("file://a.mp4", "file://b.mp4", {"source-list": {"list": ""}}),
    ("source#", "sensor-id-list"): Case("a", "b", {"source-list": {"list": ""}, "source": {"list": "file://a.mp4"}}),
    ("source#", "sensor-name-list"): Case("a", "b", {"source-list": {"list": ""}, "source": {"list": "file://a.mp4"}}),
    ("source#", "file-loop"): Case("0", "1", _SINGLE),
    **{(group, key): Case(one, other, {group: {"enable": "1", **beside}})
       for group, name in (("analytics", "rules"), ("analytics-config", "rules"), ("secondary-preprocess#", "prepared"))
       for key, one, other, beside in (
           ("enable", "0", "1", {"config-file": f"{name}.txt"}), ("config-file", f"{name}.txt", f"{name}2.txt", {}))},
    ("analytics", "cfg-file-path"): Case("rules.txt", "rules2.txt"),
    ("analytics-config", "cfg-file-path"): Case("rules.txt", "rules2.txt"),
    ("secondary-preprocess#", "config-file-path"): Case("prepared.txt", "prepared2.txt"),
    ("output", "type"): Case("1", "2"),
    ("output", "filename"): Case("a", "b"),
    ("output", "codec"): Case("0", "1"),
    ("output", "bitrate"): Case("2000000", "4000000"),
    ("output", "iframeinterval"): Case("10", "30"),
    ("eglsink", "enable"): Case("0", "1"),
    ("model-config", "config-file-path"): Case("poses.yml", "poses2.yml"),
    ("model-params", "config-file-path"): Case("poses.yml", "poses2.yml"),
    ("filesink", "enable"): Case("0", "1"),
    ("filesink", "filename"): Case("a", "b", {"filesink": {"enable": "1"}}),
    ("filesink", "location"): Case("a.mp4", "b.mp4"),
    ("filesink", "codec"): Case("0", "1", {"filesink": {"enable": "1"}}),
    ("filesink", "bitrate"): Case("2000000", "4000000", {"filesink": {"enable": "1"}}),
    ("filesink", "iframeinterval"): Case("10", "30", {"filesink": {"enable": "1"}}),
    ("sink#", "sink-type"): Case("1", "2"),
    ("sink#", "location"): Case("a.mp4", "b.mp4"),
    ("sink#", "filename"): Case("a.mp4", "b.mp4", {"sink": {"type": "3"}}),
    **{("tiler", key): Case(*values, {"tiler": {"rows": "1"}}) for key, values in _TILES.items()},
    **dict(_multi("multiurisrcbin", _MULTI)),
    **dict(_multi("server-app-ctx", _SERVER)),
    ("msgbroker", "enable"): Case("0", "1", _TAO_BROKER),
    ("msgbroker", "topic"): Case("a", "b"),
    **{("msgconv", key): Case(*values, {**_TAO_BROKER, "msgconv": {}}) for key, values in {
        "config": ("sensors.txt", "sensors2.txt"), "config-file": ("sensors.txt", "sensors2.txt"),
        "payload-type": ("0", "1"), "frame-interval": ("1", "30"), "msg2p-newapi": ("0", "1"),
    }.items()},
}  # fmt: skip
