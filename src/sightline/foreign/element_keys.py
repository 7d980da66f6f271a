"""The properties of DeepStream's GStreamer elements, and of the plain ones beside them, and what becomes of each.

Pipelines of the service maker name them below `properties`; gst-launch text names them behind the element. The names
are those of the plugin manual (https://docs.nvidia.com/metropolis/deepstream/dev-guide/) and of gst-inspect-1.0.
"""

from __future__ import annotations

from collections.abc import Mapping

from sightline.foreign.app_input_keys import SOURCE, TRACKER
from sightline.foreign.app_keys import APP_GROUPS
from sightline.foreign.fates import Known
from sightline.foreign.key_tables import KeyTable
from sightline.foreign.reasons import honoured, ignored, translated

__all__ = ["ELEMENTS", "EVERY", "SCREENS"]


def _all(reason: str, *names: str) -> dict[str, Known]:
    return dict.fromkeys(names, ignored(reason))


EVERY = {
    "name": ignored("links"),
    **_all("hardware", "gpu-id", "compute-hw"),
    **_all("memory", "nvbuf-memory-type", "nvbuf-mem-type", "buffer-pool-size", "cudadec-memtype", "bl-output"),
    **_all("sync", "sync", "async", "qos", "max-lateness", "silent", "dump-dot"),
    **_all("message-form", "process-mode", "parent"),
    **_all("mux", "do-timestamp", "num-buffers", "blocksize", "is-live", "typefind"),
}
_INFER = {
    "config-file-path": honoured("model.path", "the file itself is read, and the model that it names"),
    "unique-id": translated("model.name", "gieN; results name the stage so"),
    "interval": honoured("limits.interval", "of a secondary: then.interval"),
    "process-mode": translated("then", "1 the whole picture, 2 objects"),
    "infer-on-gie-id": translated("then.from"),
    "infer-on-class-ids": translated("then.objects", "the labels of these classes, with colons between"),
    "operate-on-gie-id": translated("then.from"),
    "operate-on-class-ids": translated("then.objects", "the labels of these classes"),
    "input-tensor-meta": ignored("says-itself", more="nvdspreprocess names the models that it is for"),
    "model-engine-file": ignored("engine"),
    "batch-size": ignored("batch"),
    "filter-out-class-ids": ignored("not-yet", more="write it into the file that config-file-path names"),
    "output-tensor-meta": ignored("dump"),
    "output-instance-mask": ignored("says-itself"),
    "clip-object-outside-roi": ignored("says-itself"),
    "crop-objects-to-roi-boundary": ignored("says-itself"),
    **_all("dump", "raw-output-file-write", "raw-output-generated-callback", "raw-output-generated-userdata"),
}
_CARRIED = (
    "select-rtp-protocol",
    "drop-frame-interval",
    "smart-record",
    "smart-rec-dir-path",
    "smart-rec-file-prefix",
    "smart-rec-video-cache",
    "smart-rec-cache",
    "smart-rec-start-time",
    "smart-rec-default-duration",
    "smart-rec-duration",
)
_SOURCE = {
    **{key: known for key, known in SOURCE.items() if known.status == "ignored"},
    **{key: SOURCE[key] for key in _CARRIED},
    "uri": honoured("streams.url"),
    "location": honoured("streams.url"),
    "file-loop": honoured("limits.loop"),
    "loop": honoured("limits.loop"),
    "type": ignored("live"),
    "protocols": ignored("jitter"),
    **_all("rest", "port", "ip-address", "max-batch-size", "mode", "enable-error-propagation"),
    **_all("batch", "batch-size", "batched-push-timeout", "sgie-batch-size"),
    **_all("mux", "width", "height", "drop-pipeline-eos", "disable-passthrough", "async-handling", "attach-sys-ts"),
    **_all("mux", "config-file-path", "caps", "index", "stop-index", "start-index"),
    **_all("audio", "disable-audio"),
    **_all("retry", "rtsp-reconnect-interval", "init-rtsp-reconnect-interval", "timeout", "tcp-timeout"),
    **_all("decoder", "skip-frames"),
}
_SEVERAL = {
    **{key: known for key, known in _SOURCE.items() if key != "location"},
    "uri-list": translated("streams.url", "one stream each, with commas between"),
    "sensor-id-list": translated("streams.id"),
    "sensor-name-list": translated("streams.id", "where there is no sensor-id-list"),
}
_MUX = {**APP_GROUPS["streammux"], **_all("mux", "no-pipeline-eos", "output-width", "output-height", "name")}
_SCREEN = {
    **_all("display", "window-x", "window-y", "window-width", "window-height", "conn-id", "plane-id", "set-mode"),
    **_all("display", "rows", "columns", "overlay-x", "overlay-y", "overlay-w", "overlay-h", "overlay", "display-id"),
    **_all("display", "force-aspect-ratio", "video-sink", "text-overlay", "fps-update-interval"),
}
_OSD = {
    "border-width": honoured("overlay.thickness"),
    "display-text": honoured("overlay.labels", "0 writes nothing beside a box"),
    "display-mask": honoured("overlay.masks"),
    "display-bbox": honoured("overlay.boxes"),
    "font-size": honoured("overlay.text_px", "points become pixels"),
    "text-size": honoured("overlay.text_px", "points become pixels"),
    "display-clock": honoured("overlay.clock", "the time of day at which a frame came"),
    **dict.fromkeys(
        ("x-clock-offset", "y-clock-offset"), translated("overlay.clock_at", "moved so far that it can be seen")
    ),
    "clock-font-size": honoured("overlay.clock_px", "points become pixels"),
    "clock-color": honoured("overlay.clock_color", "0xRRGGBBAA, without its opacity"),
    "text-color": honoured("overlay.text_color"),
    "text-bg-color": honoured("overlay.plate_color"),
    "display-coordinates": ignored("not-yet", "0", "false"),
    **_all("font", "clock-font", "font"),
    **_all("hardware", "hw-blend-color-attr"),
}
_ENCODER = {
    "bitrate": honoured("sinks.bitrate", "of x264enc and x265enc in thousands"),
    **dict.fromkeys(("iframeinterval", "key-int-max"), honoured("sinks.gop")),
    **_all(
        "encoder",
        "profile",
        "preset-level",
        "preset-id",
        "idrinterval",
        "insert-sps-pps",
        "bufapi-version",
        "maxperf-enable",
        "control-rate",
        "tuning-info-id",
        "speed-preset",
        "tune",
        "threads",
        "quality",
    ),
}
_FORMAT = {
    "caps": ignored("mux", more="the form of pictures follows from what reads them"),
    **_all("hardware", "copy-hw", "interpolation-method", "flip-method"),
    **_all("memory", "output-buffers", "disable-passthrough", "src-crop", "dest-crop"),
}
_DECODER = _all(
    "decoder",
    "drop-frame-interval",
    "num-extra-surfaces",
    "num-decode-surfaces",
    "low-latency-mode",
    "disable-dpb",
    "enable-max-performance",
    "mjpeg",
    "skip-frames",
    "config-interval",
    "capture-io-mode",
    "output-io-mode",
    "device",
    "bufapi-version",
)
_QUEUE = _all(
    "queue",
    "max-size-buffers",
    "max-size-bytes",
    "max-size-time",
    "min-threshold-buffers",
    "leaky",
    "flush-on-eos",
    "allow-not-linked",
    "pull-mode",
)
_CONVERTER = {
    "config": translated("sinks.payload", "its sensors and places"),
    "payload-type": translated("sinks.payload", "0 full, 1 minimal"),
    "frame-interval": translated("sinks.payload", "every Nth frame"),
    "msg2p-newapi": translated("sinks.payload", "1: attributes by their names"),
    "msg2p-new-api": translated("sinks.payload", "1: attributes by their names"),
    "msg2p-lib": ignored("library"),
    "comp-id": ignored("message-form"),
    "component-id": ignored("message-form"),
    "debug-payload-dir": ignored("debug"),
    "multiple-payloads": ignored("message-form"),
    "dummy-payload": ignored("message-form"),
}
_BROKER = {
    "topic": translated("sinks.path", "the file is called after it"),
    **_all("broker", "proto-lib", "conn-str", "config", "comp-id", "new-api", "sleep-time"),
}
_FILE = {
    "location": honoured("sinks.path"),
    **_all("queue", "append", "buffer-mode", "buffer-size"),
}
_SERVED = _all("rtsp-server", "host", "port", "clients", "multicast-iface", "auto-multicast", "mtu", "pt", "ssrc")

_INPUTS = (
    "uridecodebin",
    "uridecodebin3",
    "nvurisrcbin",
    "rtspsrc",
    "souphttpsrc",
    "filesrc",
    "multifilesrc",
    "playbin",
)
_DEVICE = {"device": honoured("streams.url"), **_all("decoder", "io-mode", "extra-controls")}
_SENSOR = {
    "sensor-id": translated("streams.url", "the device of that number"),
    **_all("decoder", "sensor-mode", "bufapi-version", "maxperf"),
}
_RULES = {
    "config-file": translated("streams.analytics", "its regions, lines and directions, by stream"),
    "enable": honoured("streams.analytics", "0: none"),
    "unique-id": ignored("message-form"),
}
_PREPARED = {
    "config-file": translated("model.regions", "its regions of interest"),
    "enable": honoured("model.regions", "0: none"),
    "unique-id": ignored("message-form"),
}
_FLATTENED = {
    "config-file": translated("streams.dewarp", "its surfaces"),
    "source-id": translated("streams.dewarp", "the stream that is flattened"),
    **_all("memory", "num-batch-buffers", "num-output-buffers"),
}
_TRACKED = {key: TRACKER[key] for key in TRACKER if key != "cfg-file-path"}
_LIBRARY = _all("library", "customlib-name", "customlib-props", "dummy-meta-insert", "postprocesslib-name")
_PLAIN = _all("not-yet", "pattern", "caps", "format", "stream-type", "emit-signals", "preset-level")
_SERVERS = ("udpsink", "rtspclientsink", "tcpserversink", "hlssink", "hlssink2", "nvrtspoutsinkbin")
SCREENS = (
    "nveglglessink",
    "nv3dsink",
    "nvdrmvideosink",
    "nvoverlaysink",
    "autovideosink",
    "xvimagesink",
    "ximagesink",
    "glimagesink",
    "nvvideorenderer",
    "fpsdisplaysink",
)
_ENCODERS = (
    "nvv4l2h264enc",
    "nvv4l2h265enc",
    "x264enc",
    "x265enc",
    "omxh264enc",
    "omxh265enc",
    "mpeg4enc",
    "avenc_mpeg4",
)
_PICTURES = ("nvjpegenc", "jpegenc", "nvimageenc")
_DECODERS = (
    "nvv4l2decoder",
    "nvjpegdec",
    "jpegdec",
    "avdec_h264",
    "avdec_h265",
    "decodebin",
    "decodebin3",
    "h264parse",
    "h265parse",
    "mpeg4videoparse",
    "jpegparse",
    "qtdemux",
    "matroskademux",
    "parsebin",
)
_WRAPPERS = (
    "rtph264depay",
    "rtph265depay",
    "rtph264pay",
    "rtph265pay",
    "rtpjpegdepay",
    "mp4mux",
    "qtmux",
    "matroskamux",
    "mpegtsmux",
    "flvmux",
)
_CONVERTERS = (
    "nvvideoconvert",
    "videoconvert",
    "nvvidconv",
    "videoscale",
    "videorate",
    "capsfilter",
    "identity",
    "nvvideotemplate",
)
_QUEUES = ("nvstreamdemux", "tee", "queue", "queue2", "multiqueue", "funnel", "nvxfer")
_TABLES: tuple[tuple[tuple[str, ...], Mapping[str, Known]], ...] = (
    (("nvinfer", "nvinferserver", "nvinferbin", "nvinferserverbin"), _INFER),
    (("nvtracker",), _TRACKED),
    (("nvstreammux",), _MUX),
    (_INPUTS, _SOURCE),
    (("nvmultiurisrcbin",), _SEVERAL),
    (("v4l2src", "nvv4l2camerasrc"), _DEVICE),
    (("nvarguscamerasrc",), _SENSOR),
    (("videotestsrc", "appsrc", "nvof", "nvofvisual"), _PLAIN),
    (("nvdsanalytics",), _RULES),
    (("nvdspreprocess",), _PREPARED),
    (("nvdewarper",), _FLATTENED),
    (("nvmultistreamtiler",), {**APP_GROUPS["tiled-display"], "sort-batch": ignored("mux")}),
    (("nvdsosd", "nvosdbin"), _OSD),
    (("nvsegvisual",), APP_GROUPS["segvisual"]),
    (("nvmsgconv",), _CONVERTER),
    (("nvmsgbroker",), _BROKER),
    (("nvdslogger",), {"fps-measurement-interval-sec": ignored("measured")}),
    (("filesink", "multifilesink", "splitmuxsink"), _FILE),
    (("nvvideoencfilesinkbin",), {**_ENCODER, "output-file": honoured("sinks.path")}),
    (("fakesink",), {}),
    (SCREENS, _SCREEN),
    (_SERVERS, {**_SERVED, **_all("rtsp-server", "location", "playlist-location", "target-duration", "max-files")}),
    (_ENCODERS, _ENCODER),
    (_PICTURES, {key: ignored("encoder") for key in _ENCODER}),
    (_DECODERS, _DECODER),
    (_WRAPPERS, {**_SERVED, **_DECODER}),
    (_CONVERTERS, {**_FORMAT, **_all("sync", "max-rate", "drop-only", "skip-to-first")}),
    (("nvdsvideotemplate",), _LIBRARY),
    (("nvdspostprocess",), {**_LIBRARY, "postprocesslib-config-file": ignored("library")}),
    (("nvdsmetamux",), {"config-file": ignored("not-yet", more="results of several models are not put together")}),
    (_QUEUES, {**_QUEUE, "per-stream-eos": ignored("mux")}),
    (("dsexample",), APP_GROUPS["ds-example"]),
)

# element -> its properties
ELEMENTS: dict[str, Mapping[str, Known]] = {
    name: KeyTable({**EVERY, **table}) for names, table in _TABLES for name in names
}
