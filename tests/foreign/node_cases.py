"""For every property of an element that is called honoured or translated: two values that make two pipelines."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.foreign.app_cases import smart


@dataclass(frozen=True, slots=True)
class NodeCase:
    """Two values of a property. beside: other properties of the node. more: other nodes; without: of the usual ones."""

    one: str
    other: str
    beside: dict[str, str] = field(default_factory=dict)
    more: tuple[tuple[str, dict[str, str]], ...] = ()
    without: tuple[str, ...] = ()


NODES = (
    ("uridecodebin", {"uri": "file://a.mp4"}),
    ("nvstreammux", {"batch-size": "1"}),
    ("nvinfer", {"config-file-path": "pgie.txt"}),
    ("nvdsosd", {}),
    ("filesink", {"location": "out.mp4"}),
)


def rendered_nodes(case: NodeCase, kind: str, key: str, value: str) -> str:
    """A pipeline in which a node of that kind says key: value."""
    nodes = [(name, dict(said)) for name, said in NODES if name not in case.without]
    nodes += [(name, dict(said)) for name, said in case.more]
    own = next((said for name, said in reversed(nodes) if name == kind), None)
    if own is None:
        own = {}
        nodes.append((kind, own))
    own.update({**case.beside, key: value})
    lines = ["deepstream:", "  nodes:"]
    for i, (name, said) in enumerate(nodes):
        lines += [f"  - type: {name}", f"    name: node{i}"]
        kept = {k: v for k, v in said.items() if v}
        lines += ["    properties:", *(f"      {k}: '{v}'" for k, v in kept.items())] if kept else []
    return "\n".join(lines) + "\n"


_ONLY = ("uridecodebin",)
_INPUTS = ("uridecodebin", "uridecodebin3", "nvurisrcbin", "rtspsrc", "souphttpsrc", "filesrc", "multifilesrc")
_NODE_SMART = {key: NodeCase(case.one, case.other, {} if key == "smart-record" else {"smart-record": "2"})
               for key, case in smart({})}  # fmt: skip
_INPUT = {
    "uri": NodeCase("file://a.mp4", "file://b.mp4", {"location": ""}),
    "location": NodeCase("a.mp4", "b.mp4", {"uri": ""}),
    "file-loop": NodeCase("0", "1", {"uri": "file://a.mp4"}),
    "loop": NodeCase("0", "1", {"uri": "file://a.mp4"}),
    "select-rtp-protocol": NodeCase("4", "1", {"uri": "rtsp://a/b"}),
    "drop-frame-interval": NodeCase("0", "5", {"uri": "file://a.mp4"}),
    **{key: NodeCase(c.one, c.other, {**c.beside, "uri": "file://a.mp4"}) for key, c in _NODE_SMART.items()},
}
_SEVERAL_URIS = {"uri-list": "file://a.mp4", "uri": ""}
_MULTI_NODE = {
    **{
        key: NodeCase(c.one, c.other, {**c.beside, **_SEVERAL_URIS})
        for key, c in _INPUT.items()
        if key not in ("uri", "location")
    },
    "uri": NodeCase("file://a.mp4", "file://b.mp4"),
    "uri-list": NodeCase("file://a.mp4", "file://b.mp4,file://c.mp4"),
    "sensor-id-list": NodeCase("a", "b", _SEVERAL_URIS),
    "sensor-name-list": NodeCase("a", "b", _SEVERAL_URIS),
}
_STAGE = (("nvinfer", {"config-file-path": "sgie.txt"}),)
_CHAIN = (*_STAGE, ("nvinfer", {"config-file-path": "sgie2.txt"}))
_TOPIC = (("nvmsgbroker", {"topic": "events"}),)
_INFER = {
    "config-file-path": NodeCase("pgie.txt", "pgie2.txt"),
    "unique-id": NodeCase("1", "7"),
    "interval": NodeCase("0", "2"),
    "process-mode": NodeCase("1", "2"),
    **{key: NodeCase("2", "1", {}, _CHAIN) for key in ("infer-on-gie-id", "operate-on-gie-id")},
    **{key: NodeCase("0", "0:2", {}, _STAGE) for key in ("infer-on-class-ids", "operate-on-class-ids")},
}
# element -> property -> case; elements that are alike share them
ELEMENT_CASES: dict[str, dict[str, NodeCase]] = {
    "nvinfer": _INFER,
    "nvtracker": {
        "enable": NodeCase("0", "1"),
        "ll-lib-file": NodeCase("libnvds_mot_iou.so", "libnvds_mot_klt.so"),
        "ll-config-file": NodeCase("tracker.yml", "tracker2.yml"),
        "display-tracking-id": NodeCase("0", "1"),
    },
    "nvstreammux": {
        "width": NodeCase("640", "1280", {"height": "720"}, _TOPIC),
        "height": NodeCase("360", "720", {"width": "1280"}, _TOPIC),
    },
    **{name: {key: NodeCase(c.one, c.other, c.beside, c.more, _ONLY if name != "uridecodebin" else ())
              for key, c in _INPUT.items()}
       for name in (*_INPUTS, "playbin")},
    "nvmultiurisrcbin": {key: NodeCase(c.one, c.other, c.beside, c.more, _ONLY) for key, c in _MULTI_NODE.items()},
    "v4l2src": {"device": NodeCase("/dev/video0", "/dev/video1", {}, (), _ONLY)},
    "nvarguscamerasrc": {"sensor-id": NodeCase("0", "1", {}, (), _ONLY)},
    "nvdsanalytics": {
        "config-file": NodeCase("rules.txt", "rules2.txt"),
        "enable": NodeCase("0", "1", {"config-file": "rules.txt"}),
    },
    "nvdspreprocess": {
        "config-file": NodeCase("prepared.txt", "prepared2.txt"),
        "enable": NodeCase("0", "1", {"config-file": "prepared.txt"}),
    },
    "nvdewarper": {
        "config-file": NodeCase("lens.txt", "lens2.txt"),
        "source-id": NodeCase("0", "1", {"config-file": "lens.txt"}, (("uridecodebin", {"uri": "file://b.mp4"}),)),
    },
    "nvmultistreamtiler": {
        "enable": NodeCase("0", "1"),
        "rows": NodeCase("1", "2"),
        "columns": NodeCase("1", "2"),
        "width": NodeCase("640", "1280"),
        "height": NodeCase("360", "720"),
    },
    "nvdsosd": {
        "border-width": NodeCase("1", "4"),
        "display-text": NodeCase("0", "1"),
        "display-mask": NodeCase("0", "1"),
        "display-bbox": NodeCase("0", "1"),
        "text-color": NodeCase("1;1;1;1", "0;1;0;1"),
        "text-bg-color": NodeCase("0;0;0;1", "0;0;0;0.5"),
        "display-clock": NodeCase("0", "1"),
        "x-clock-offset": NodeCase("10", "20", {"display-clock": "1"}),
        "y-clock-offset": NodeCase("10", "20", {"display-clock": "1"}),
        "clock-font-size": NodeCase("10", "12", {"display-clock": "1"}),
        "clock-color": NodeCase("0xff0000ff", "16711935", {"display-clock": "1"}),
        "font-size": NodeCase("10", "15"),
        "text-size": NodeCase("10", "15"),
    },
    "nvsegvisual": {
        "enable": NodeCase("0", "1", {}, (), ("nvdsosd",)),
        "alpha": NodeCase("0.2", "0.8"),
    },
    "nvmsgconv": {
        "config": NodeCase("sensors.txt", "sensors2.txt", {}, _TOPIC),
        "payload-type": NodeCase("0", "1", {}, _TOPIC),
        "frame-interval": NodeCase("1", "30", {}, _TOPIC),
        "msg2p-newapi": NodeCase("0", "1", {}, _TOPIC),
        "msg2p-new-api": NodeCase("0", "1", {}, _TOPIC),
    },
    "nvmsgbroker": {"topic": NodeCase("a", "b")},
    **{name: {"location": NodeCase("a.mp4", "b.mp4")} for name in ("filesink", "multifilesink", "splitmuxsink")},
    "nvvideoencfilesinkbin": {"output-file": NodeCase("a.mp4", "b.mp4")},
}  # fmt: skip
_CODERS = (
    "nvv4l2h264enc", "nvv4l2h265enc", "x264enc", "x265enc", "omxh264enc", "omxh265enc", "mpeg4enc", "avenc_mpeg4",
)  # fmt: skip
_CODED = {
    "bitrate": NodeCase("20000", "40000"),
    "iframeinterval": NodeCase("10", "30"),
    "key-int-max": NodeCase("10", "30"),
}
ELEMENT_CASES |= dict.fromkeys(_CODERS, _CODED)
ELEMENT_CASES["nvvideoencfilesinkbin"] = {**ELEMENT_CASES["nvvideoencfilesinkbin"], **_CODED}
ALIKE = {
    **dict.fromkeys(("nvinferserver", "nvinferbin", "nvinferserverbin"), "nvinfer"),
    "nvv4l2camerasrc": "v4l2src",
    "nvosdbin": "nvdsosd",
}
