"""Every group and key of deepstream-app's files, as text or YAML, and what becomes of it.

The keys are those of NVIDIA/DeepStream, src/apps/common and src/apps/sample_apps/deepstream-app, of their older
releases, and of the parallel inference application, whose files have the same form.
"""

from __future__ import annotations

from collections.abc import Mapping

from sightline.foreign.app_input_keys import (
    ENABLE,
    GIE,
    PRIMARY,
    SECONDARY,
    SOURCE,
    SOURCE_LIST,
    STREAMMUX,
    TRACKER,
    source_attributes,
)
from sightline.foreign.fates import Known, Rules
from sightline.foreign.key_tables import KeyTable, base_among
from sightline.foreign.reasons import each, honoured, ignored, translated

__all__ = ["APP_GROUPS", "DEEPSTREAM_APP", "base_of"]

_OSD = {
    "enable": honoured("overlay", "0 draws nothing"),
    "border-width": honoured("overlay.thickness"),
    "text-size": honoured("overlay.text_px", "points become pixels"),
    "display-text": honoured("overlay.labels", "0 writes nothing beside a box"),
    "display-mask": honoured("overlay.masks"),
    "display-bbox": honoured("overlay.boxes"),
    "border-color": ignored("as-there"),
    "text-color": honoured("overlay.text_color"),
    "text-bg-color": honoured("overlay.plate_color"),
    "font": ignored("font"),
    "show-clock": honoured("overlay.clock", "the time of day at which a frame came"),
    **each(("clock-x-offset", "clock-y-offset"), translated("overlay.clock_at", "moved so far that it can be seen")),
    "clock-text-size": honoured("overlay.clock_px", "points become pixels"),
    "clock-color": honoured("overlay.clock_color"),
    "process-mode": ignored("hardware"),
    "hw-blend-color-attr": ignored("hardware"),
    "gpu-id": ignored("hardware"),
    "nvbuf-memory-type": ignored("memory"),
}
_MESSAGES = {
    "msg-conv-config": translated("sinks.payload", "its sensors and places"),
    "msg-conv-payload-type": translated("sinks.payload", "0 full, 1 minimal"),
    "msg-conv-frame-interval": translated("sinks.payload", "every Nth frame"),
    "msg-conv-msg2p-new-api": translated("sinks.payload", "1: attributes by their names"),
    "multiple-payloads": ignored("message-form", "0"),
    "msg-conv-msg2p-lib": ignored("library"),
    "msg-conv-comp-id": ignored("message-form"),
    "debug-payload-dir": ignored("debug"),
    "msg-conv-dummy-payload": ignored("message-form", "0"),
    "msg-conv-embedding-filter": ignored("message-form"),
}
_SINK = {
    "enable": ENABLE,
    "type": honoured("sinks.kind", "1 none, 2 and 5 show, 3 video, 6 messages in a file; 4 needs an RTSP server"),
    "output-file": honoured("sinks.path"),
    "codec": honoured("sinks.codec", "1 h264, 2 h265; 3 becomes h264"),
    "container": translated("sinks.path", "the suffix: 1 .mp4, 2 .mkv"),
    "bitrate": honoured("sinks.bitrate"),
    "sw-preset": translated("sinks.preset", "0 none, 1 ultrafast ... 9 veryslow, as that encoder numbers them"),
    "source-id": translated("sinks.streams", "where no tiles are shown: the stream of that number alone"),
    "link-to-demux": translated("sinks.kind", "1: a video of each stream beside the tiles, where those say enable=2"),
    "topic": translated("sinks.path", "the file is called after it"),
    **_MESSAGES,
    "rtsp-port": ignored("rtsp-server"),
    "udp-port": ignored("rtsp-server"),
    "udp-buffer-size": ignored("rtsp-server"),
    "msg-broker-proto-lib": ignored("broker"),
    "msg-broker-conn-str": ignored("broker"),
    "msg-broker-config": ignored("broker"),
    "msg-broker-comp-id": ignored("broker"),
    "disable-msgconv": ignored("message-form", "0"),
    "new-api": ignored("broker"),
    "sleep-time": ignored("broker"),
    "sync": translated("sinks.pace", "of a window: files are shown as fast as they were filmed"),
    "qos": ignored("sync"),
    "iframeinterval": honoured("sinks.gop"),
    "profile": ignored("encoder"),
    "enc-type": ignored("hardware"),
    "output-io-mode": ignored("memory"),
    "copy-meta": ignored("memory"),
    "gpu-id": ignored("hardware"),
    "compute-hw": ignored("hardware"),
    "nvbuf-memory-type": ignored("memory"),
    **each(
        (
            "width",
            "height",
            "overlay-id",
            "offset-x",
            "offset-y",
            "display-id",
            "conn-id",
            "plane-id",
            "set-mode",
            "color-range",
        ),
        ignored("display"),
    ),
    "nvdslogger": ignored("measured"),
    "show-fps": ignored("measured"),
    "show-latency": ignored("measured"),
}
_TILES = {
    "enable": honoured("sinks.mosaic", "0: one picture a stream; 2: both"),
    "rows": honoured("sinks.mosaic.rows"),
    "columns": honoured("sinks.mosaic.columns"),
    "width": honoured("sinks.mosaic.width"),
    "height": honoured("sinks.mosaic.height"),
    "show-source": ignored("not-yet", "-1", more="all streams are shown as tiles"),
    "square-seq-grid": ignored("not-yet", "0", more="rows and columns are kept as they are said"),
    "gpu-id": ignored("hardware"),
    "compute-hw": ignored("hardware"),
    "nvbuf-memory-type": ignored("memory"),
    "buffer-pool-size": ignored("memory"),
    "interpolation-method": ignored("hardware"),
}
_APPLICATION = {
    "enable-perf-measurement": ignored("measured"),
    "perf-measurement-interval-sec": ignored("measured"),
    "gie-kitti-output-dir": translated("sinks.path", "results as JSON lines in that folder"),
    "kitti-track-output-dir": translated("sinks.path", "results as JSON lines in that folder"),
    "reid-track-output-dir": ignored("not-yet", more="appearances are in the results where a model gives them"),
    "terminated-track-output-dir": ignored("not-yet", more="the results of every frame hold its tracks"),
    "shadow-track-output-dir": ignored("not-yet", more="the results of every frame hold its tracks"),
    "global-gpu-id": ignored("hardware"),
    "seed": ignored("not-yet", more="professional video over IP, of deepstream-nmos"),
    "host-name": ignored("not-yet", more="professional video over IP, of deepstream-nmos"),
    "http-port": ignored("not-yet", more="professional video over IP, of deepstream-nmos"),
}
_TESTS = {
    "file-loop": honoured("limits.loop"),
    "pipeline-recreate-sec": ignored("restart"),
}
_ANALYTICS = {
    "enable": ENABLE,
    "config-file": translated("streams.analytics", "its regions, lines and directions, by stream"),
    "cfg-file-path": translated("streams.analytics", "its regions, lines and directions, by stream"),
}
_PREPROCESS = {
    "enable": ENABLE,
    "config-file": translated("model.regions", "its regions of interest"),
    "config-file-path": translated("model.regions", "its regions of interest"),
}
_DEWARPER = {
    "enable": ENABLE,
    "config-file": translated("streams.dewarp", "its surfaces"),
    "source-id": translated("streams.dewarp", "the stream that is flattened"),
    "num-surfaces-per-frame": ignored("says-itself"),
    "num-output-buffers": ignored("memory"),
    "num-batch-buffers": ignored("memory"),
    "gpu-id": ignored("hardware"),
    "nvbuf-memory-type": ignored("memory"),
}
_CONSUMER = {
    "enable": ignored("broker", "0"),
    **each(("config-file", "proto-lib", "conn-str", "sensor-list-file", "subscribe-topic-list"), ignored("broker")),
}
_SEGVISUAL = {
    "enable": honoured("overlay.maps"),
    "alpha": honoured("overlay.alpha"),
    "orig_background": ignored("not-yet", "1", more="class maps are laid over the picture"),
    "orig-background": ignored("not-yet", "1", more="class maps are laid over the picture"),
    "batch-size": ignored("batch"),
    "width": ignored("mux"),
    "height": ignored("mux"),
    "gpu-id": ignored("hardware"),
    "nvbuf-memory-type": ignored("memory"),
}
_EXAMPLE = each(
    (
        "enable",
        "full-frame",
        "processing-width",
        "processing-height",
        "blur-objects",
        "unique-id",
        "gpu-id",
        "batch-size",
        "nvbuf-memory-type",
    ),
    ignored("example"),
)
_SAVE = {
    "enable": ignored("not-yet", "0", more="pictures of objects that were found; -o FOLDER/ writes pictures"),
    **each(
        (
            "gpu-id",
            "output-folder-path",
            "save-img-full-frame",
            "save-img-cropped-obj",
            "frame-to-skip-rules-path",
            "second-to-skip-interval",
            "min-confidence",
            "max-confidence",
            "min-box-width",
            "min-box-height",
        ),
        ignored("not-yet", more="pictures of objects that were found; -o FOLDER/ writes pictures"),
    ),
}
_REPLAY = each(
    ("enable", "label-dir", "file-names", "max-frame-nums", "label-width", "label-height", "interval"),
    ignored("not-yet", more="results that are read from files instead of a model; sightline track does for one"),
)
_ENCODERS = each(
    (
        "enable",
        "gpu-id",
        "nvbuf-memory-type",
        "model-variant",
        "batch-size",
        "device",
        "min-crop-size",
        "verbose",
        "backend",
        "triton-url",
        "triton-model",
        "skip-interval",
        "embedding-classes",
        "onnx-model",
        "tensorrt-engine",
        "smart-infer",
        "cache-refresh-interval",
        "cache-max-size",
        "ofa-predict",
        "ofa-motion-threshold",
        "ofa-high-motion-threshold",
        "query-only",
        "model-name",
        "onnx-model-path",
        "tokenizer-dir",
    ),
    ignored("not-yet", more="search by words in what a model sees"),
)
_BRANCH = {
    "pgie-id": translated("streams", "of which primary model src-ids are; each runs as a pipeline of its own"),
    "src-ids": translated("streams", "the inputs that it looks at"),
}
_METAMUX = {
    "enable": ignored("not-yet", "0", more="results of several primary models are not put together"),
    "config-file": ignored("not-yet", more="results of several primary models are not put together"),
}
_NMOS = KeyTable(
    {},
    {"*": ignored("not-yet", more="professional video over IP, of deepstream-nmos")},
)

# What a group's name begins with -> its keys; # is its number, which some groups must have.
APP_GROUPS: dict[str, Mapping[str, Known]] = {
    "application": _APPLICATION,
    "tiled-display": _TILES,
    "source-list": SOURCE_LIST,
    "source-attr-all": source_attributes(),
    "source#": SOURCE,
    "streammux": STREAMMUX,
    "pre-process": _PREPROCESS,
    "secondary-pre-process#": _PREPROCESS,
    "primary-gie#": PRIMARY,
    "secondary-gie#": SECONDARY,
    "tracker#": TRACKER,
    "nvds-analytics#": _ANALYTICS,
    "osd": _OSD,
    "segvisual": _SEGVISUAL,
    "dewarper#": _DEWARPER,
    "sink#": _SINK,
    "message-converter": {"enable": ENABLE, **_MESSAGES},
    "message-consumer#": _CONSUMER,
    "tests": _TESTS,
    "img-save": _SAVE,
    "ds-example": _EXAMPLE,
    "replay": _REPLAY,
    "visionencoder": _ENCODERS,
    "text-embedder": _ENCODERS,
    "audio-transform": each(("enable", "config-file"), ignored("audio")),
    "audio-classifier": KeyTable({**each(GIE, ignored("audio"))}),
    "branch#": _BRANCH,
    "meta-mux": _METAMUX,
    "receiver#": _NMOS,
    "sender#": _NMOS,
}


def base_of(group: str) -> str:
    """ "sink#" of "sink0"; the name itself where no such group is known."""
    return base_among(APP_GROUPS, group)


def _of_group(group: str) -> Mapping[str, Known] | None:
    return APP_GROUPS.get(base_of(group))


DEEPSTREAM_APP = Rules(_of_group, tuple(group.replace("#", "0") for group in APP_GROUPS), "deepstream-app")
