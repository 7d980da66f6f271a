"""The groups of the TAO applications' YAML, and of the samples whose files have that form, and what becomes of them.

The keys are those of NVIDIA-AI-IOT/deepstream_tao_apps, deepstream_reference_apps and NVIDIA/DeepStream, src/apps.
"""

from __future__ import annotations

from collections.abc import Mapping

from sightline.foreign.app_input_keys import (
    ENABLE,
    PRIMARY,
    SECONDARY,
    SOURCE,
    SOURCE_LIST,
    STREAMMUX,
    TRACKER,
    source_attributes,
)
from sightline.foreign.app_keys import APP_GROUPS
from sightline.foreign.fates import Known, Rules
from sightline.foreign.key_tables import KeyTable, base_among
from sightline.foreign.reasons import each, honoured, ignored, translated

__all__ = ["TAO_APP", "TAO_GROUPS", "tao_base_of"]

_SWITCH = honoured("sinks.kind", "1 switches this sink on")
_OUTPUT = {
    "type": honoured("sinks.kind", "1 file, 2 none, 3 show, 4 needs an RTSP server"),
    "filename": translated("sinks.path", "with .mp4 behind it"),
    "codec": honoured("sinks.codec", "0 h264, 1 h265"),
    "enc": ignored("hardware"),
    "enc-type": ignored("hardware"),
    "bitrate": honoured("sinks.bitrate"),
    "udpport": ignored("rtsp-server"),
    "rtspport": ignored("rtsp-server"),
    "iframeinterval": honoured("sinks.gop"),
}
_REST = each(("within_multiurisrcbin", "enable", "ip", "port", "http-ip", "http-port"), ignored("rest"))
_MULTI = {
    "uri-list": translated("streams.url", "one stream each, with commas between"),
    "uri_list": translated("streams.url", "one stream each, with commas between"),
    "sensor-id-list": translated("streams.id"),
    "sensor-name-list": translated("streams.id", "where there is no sensor-id-list"),
    **each(
        (
            "port",
            "ip-address",
            "httpIp",
            "httpPort",
            "max-batch-size",
            "maxBatchSize",
            "enable-error-propagation",
            "mode",
        ),
        ignored("rest"),
    ),
    **each(("live-source", "live_source"), ignored("live")),
    **each(("batched-push-timeout", "batched_push_timeout", "sgie-batch-size"), ignored("batch")),
    **each(
        (
            "drop-pipeline-eos",
            "drop_pipeline_eos",
            "disable-passthrough",
            "width",
            "height",
            "pipeline_width",
            "pipeline_height",
            "config-file-path",
            "attach-sys-ts",
            "frame-duration",
            "sync-inputs",
        ),
        ignored("mux"),
    ),
    "gpu-id": ignored("hardware"),
    "nvbuf-memory-type": ignored("memory"),
    "file-loop": honoured("limits.loop"),
    "select-rtp-protocol": SOURCE["select-rtp-protocol"],
    "drop-frame-interval": SOURCE["drop-frame-interval"],
    "latency": ignored("jitter"),
    "rtsp-reconnect-interval": ignored("retry"),
    "rtsp-reconnect-attempts": ignored("retry"),
}
_CONVERTER = {
    "config": translated("sinks.payload", "its sensors and places"),
    "config-file": translated("sinks.payload", "its sensors and places"),
    "payload-type": translated("sinks.payload", "0 full, 1 minimal"),
    "frame-interval": translated("sinks.payload", "every Nth frame"),
    "msg2p-newapi": translated("sinks.payload", "1: attributes by their names"),
    "msg2p-lib": ignored("library"),
    "comp-id": ignored("message-form"),
    "debug-payload-dir": ignored("debug"),
    "multiple-payloads": ignored("message-form", "0"),
    "dummy-payload": ignored("message-form", "0"),
}
_BROKER = {
    "enable": ENABLE,
    "topic": translated("sinks.path", "the file is called after it"),
    **each(("proto-lib", "conn-str", "config", "config-file", "comp-id", "new-api", "sleep-time"), ignored("broker")),
    **each(("sync", "async", "qos"), ignored("sync")),
}
_TEMPLATE = {
    "customlib-name": ignored("library"),
    "customlib-props": ignored("library"),
    "dummy-meta-insert": ignored("library"),
    "gpu-id": ignored("hardware"),
}
_LPR = {
    "enable": ignored("says-itself"),
    "type": ignored("says-itself"),
    "car-mode": ignored("says-itself"),
}
_SINK = {
    **APP_GROUPS["sink#"],
    "sink-type": honoured("sinks.kind", "1 none, 2 and 5 show, 3 video; 4 needs an RTSP server"),
    "location": honoured("sinks.path"),
    "filename": honoured("sinks.path"),
    "async": ignored("sync"),
}
_TRANSFER = each(("gpu-id", "p2p-gpu-id", "position", "enable"), ignored("hardware"))
_POSTPROCESS = {"config-file-path": ignored("library"), "lib-name": ignored("library"), "enable": ignored("library")}
_OWN = {"config-file-path": translated("model.head_options", "of a model of body poses: the head part-fields")}

# what is said of all addresses of a list
_ATTRIBUTES = source_attributes()

# What a group's name begins with -> its keys, beside those of deepstream-app.
TAO_GROUPS: dict[str, Mapping[str, Known]] = {
    "source-list": {**_ATTRIBUTES, **SOURCE_LIST},
    "source#": KeyTable(
        {
            **SOURCE,
            **_MULTI,
            "location": honoured("streams.url"),
            "list": translated("streams.url", "one stream each"),
        }
    ),
    "streammux": STREAMMUX,
    "primary-gie#": PRIMARY,
    "secondary-gie#": SECONDARY,
    "tracker#": TRACKER,
    "analytics": {**APP_GROUPS["nvds-analytics#"]},
    "analytics-config": {**APP_GROUPS["nvds-analytics#"]},
    "output": _OUTPUT,
    "eglsink": {"enable": _SWITCH},
    "filesink": {
        **{key: known for key, known in _OUTPUT.items() if key != "type"},
        "enable": _SWITCH,
        "location": honoured("sinks.path"),
        "sync": ignored("sync"),
        "async": ignored("sync"),
    },
    "fakesink": {"enable": ignored("nothing"), "sync": ignored("sync")},
    "rtspsink": {**each(_OUTPUT, ignored("rtsp-server")), "enable": ignored("rtsp-server")},
    "sink#": _SINK,
    "encoder": each(("enable", "codec", "bitrate"), ignored("rtsp-server")),
    "tiler": APP_GROUPS["tiled-display"],
    "rest-server": _REST,
    "server-app-ctx": _MULTI,
    "multiurisrcbin": _MULTI,
    "msgconv": _CONVERTER,
    "msgbroker": _BROKER,
    "video-template#": _TEMPLATE,
    "secondary-preprocess#": APP_GROUPS["secondary-pre-process#"],
    "secondary-postprocess#": _POSTPROCESS,
    "model-config": _OWN,
    "model-params": _OWN,
    "hand-options": {"type": ignored("not-yet", more="which hand the gesture model looks at")},
    "triton": _LPR,
    "nvxfer": _TRANSFER,
}
_ALL = {**APP_GROUPS, **TAO_GROUPS}


def tao_base_of(group: str) -> str:
    """ "secondary-gie#" of "secondary-gie-1"; the name itself where no such group is known."""
    return base_among(_ALL, group)


def _of_group(group: str) -> Mapping[str, Known] | None:
    return _ALL.get(tao_base_of(group))


TAO_APP = Rules(_of_group, tuple(group.replace("#", "0") for group in _ALL), "a TAO application")
