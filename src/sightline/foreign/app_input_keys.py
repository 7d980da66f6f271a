"""The keys of deepstream-app's groups for inputs, models and trackers, and what becomes of them."""

from __future__ import annotations

from sightline.foreign.fates import Known
from sightline.foreign.key_tables import KeyTable
from sightline.foreign.reasons import each, honoured, ignored, translated

__all__ = [
    "ENABLE",
    "GIE",
    "PRIMARY",
    "SECONDARY",
    "SOURCE",
    "SOURCE_LIST",
    "STREAMMUX",
    "TRACKER",
    "source_attributes",
]


def _as_stage(known: Known) -> Known:
    """The same key of a secondary model."""
    if not known.as_:
        return known
    as_ = known.as_.replace("model", "then").replace("limits", "then").replace("path", "model")
    return Known(known.status, as_, known.why, known.idle, known.many)


ENABLE = honoured("enable", "0 switches the whole group off")
_SMART = {
    "smart-record": translated("sinks.record", "0 none; 1 and 2: recordings that a user's rules start and stop"),
    "smart-rec-dir-path": translated("sinks.record.path"),
    "smart-rec-file-prefix": translated("sinks.record.name"),
    "smart-rec-video-cache": translated("sinks.record.pre_s", "the old word for smart-rec-cache"),
    "smart-rec-cache": translated("sinks.record.pre_s", "no more than this is kept from before"),
    "smart-rec-start-time": translated("sinks.record.pre_s"),
    "smart-rec-default-duration": translated("sinks.record.longest_s"),
    "smart-rec-duration": translated("sinks.record.longest_s"),
    "smart-rec-container": ignored("container"),
    "smart-rec-interval": ignored("not-yet", more="recordings begin when a rule says so, not by the clock"),
}
SOURCE = {
    "enable": ENABLE,
    "type": honoured("streams.url", "1 camera, 2 and 3 address, 4 RTSP; 5 needs a driver for its sensor"),
    "uri": honoured("streams.url", "relative files are looked for beside this one"),
    "num-sources": translated("streams", "so many streams; %d in the address becomes 0, 1, 2 ..."),
    "camera-v4l2-dev-node": translated("streams.url", "the device of that number"),
    "camera-csi-sensor-id": translated("streams.url", "the device of that number, where the driver makes one"),
    "camera-id": translated("streams.id"),
    "drop-frame-interval": translated("limits.interval", "every Nth frame is looked at, the others are shown as well"),
    "select-rtp-protocol": translated("streams.rtsp_transport", "4, 7 and 0 tcp, those without it udp"),
    "set-rtp-protocol": translated("streams.rtsp_transport", "as select-rtp-protocol"),
    "camera-width": translated("streams.camera_wh", "asked of the device, which may give another"),
    "camera-height": translated("streams.camera_wh", "asked of the device, which may give another"),
    "camera-fps-n": translated("streams.camera_fps", "asked of the device, which may give another"),
    "camera-fps-d": translated("streams.camera_fps", "asked of the device, which may give another"),
    "video-format": ignored("decoder"),
    "latency": ignored("jitter"),
    "drop-on-latency": ignored("jitter"),
    "buffer-mode": ignored("jitter"),
    "udp-buffer-size": ignored("jitter"),
    "leaky": ignored("queue"),
    "max-size-buffers": ignored("queue"),
    "rtsp-reconnect-interval-sec": ignored("retry"),
    "rtsp-reconnect-attempts": ignored("retry"),
    "init-rtsp-reconnect-interval-sec": ignored("retry"),
    "gpu-id": ignored("hardware"),
    "nvbuf-memory-type": ignored("memory"),
    "cudadec-memtype": ignored("memory"),
    "num-decode-surfaces": ignored("memory"),
    "num-extra-surfaces": ignored("memory"),
    "intra-decode-enable": ignored("decoder"),
    "low-latency-decode": ignored("decoder"),
    "dec-skip-frames": ignored("decoder"),
    "copy-hw": ignored("hardware"),
    "live-source": ignored("live"),
    "source-id": ignored("mux", more="streams are numbered in their order"),
    "sensorID-padID-mapping": ignored("mux", more="streams are numbered in their order"),
    "simulate-fps-interval-ms": ignored("sync"),
    "alsa-device": ignored("audio"),
    "extract-sei-type5-data": ignored("decoder"),
    "sei-uuid": ignored("decoder"),
    "csv-file-path": translated("streams", "one source a line; the first line names the keys"),
    **_SMART,
}
SOURCE_LIST = {
    "enable": ENABLE,
    "list": translated("streams.url", "one stream each"),
    "num-source-bins": ignored("says-itself", more="the list counts; another number is reported"),
    "sensor-id-list": translated("streams.id"),
    "sensor-name-list": translated("streams.id", "where there is no sensor-id-list"),
    "use-nvmultiurisrcbin": ignored("rest"),
    "stream-name-display": ignored("not-yet", more="the name of a stream is in every result, not on the picture"),
    "max-batch-size": ignored("rest"),
    "http-ip": ignored("rest"),
    "http-port": ignored("rest"),
    "dummy-payload": ignored("rest"),
    "custom-ts-to-rfc": ignored("message-form"),
    "batched-sensor-name": ignored("message-form"),
    "extract-sei-type5-data": ignored("decoder"),
    "sei-uuid": ignored("decoder"),
    "low-latency-mode": ignored("decoder"),
    "sgie-batch-size": ignored("batch"),
    "enable-error-propagation": ignored("rest"),
    "proto-lib": ignored("broker"),
    "conn-str": ignored("broker"),
    "topic": ignored("broker"),
}
STREAMMUX = {
    "width": translated("sinks.payload.size_wh", "boxes in messages of the new form are counted in it"),
    "height": translated("sinks.payload.size_wh", "boxes in messages of the new form are counted in it"),
    "gpu-id": ignored("hardware"),
    "live-source": ignored("live"),
    "batch-size": ignored("batch"),
    **each(("batched-push-timeout", "max-latency"), ignored("batch")),
    **each(
        (
            "enable-padding",
            "interpolation-method",
            "sort-batch",
            "align-first-buffer",
            "frame-duration",
            "sync-inputs",
            "sync-inputs-ntp",
            "attach-sys-ts",
            "attach-sys-ts-as-ntp",
            "async-process",
            "frame-num-reset-on-stream-reset",
            "frame-num-reset-on-eos",
            "drop-pipeline-eos",
            "failsafe-flush-count",
            "drop-backward-sei",
            "extract-sei-type5-data",
            "extract-sei-sim-time",
            "config-file-path",
            "num-surfaces-per-frame",
            "no-pipeline-eos",
        ),
        ignored("mux"),
    ),
    **each(("buffer-pool-size", "nvbuf-memory-type", "cache-buffer", "cache-buffer-timeout"), ignored("memory")),
    "compute-hw": ignored("hardware"),
}
GIE = {
    "enable": ENABLE,
    "config-file": honoured("model.path", "the file itself is read, and the model that it names"),
    "config-file-path": honoured("model.path", "the file itself is read, and the model that it names"),
    "gie-unique-id": translated("model.name", "gieN; results name the stage so"),
    "unique-id": translated("model.name", "gieN; results name the stage so"),
    "interval": honoured("limits.interval", "of a secondary: then.interval"),
    "labelfile-path": honoured("model.labels"),
    "plugin-type": ignored("says-itself"),
    "type": ignored("says-itself"),
    "model-engine-file": ignored("engine"),
    "batch-size": ignored("batch"),
    "gpu-id": ignored("hardware"),
    "nvbuf-memory-type": ignored("memory"),
    "infer-raw-output-dir": ignored("dump"),
    "bbox-border-color": translated("overlay.colors", "one colour for all labels"),
    "input-tensor-meta": ignored("says-itself", more="[pre-process] names the models that it is for"),
    **each(("audio-transform", "audio-framesize", "audio-hopsize", "audio-input-rate"), ignored("audio")),
    **each(
        ("model-variant", "device", "min-crop-size", "verbose", "backend", "triton-url", "triton-model"),
        ignored("not-yet", more="of a model of another kind that the same group may name"),
    ),
}
PRIMARY = KeyTable(
    {**GIE, "process-mode": ignored("says-itself", "1"), "operate-on-gie-id": ignored("says-itself")},
    {
        "bbox-border-color#": translated("overlay.colors", "the colour of that class's label"),
        "bbox-bg-color": translated("overlay.fills", "what boxes are filled with, all labels alike"),
        "bbox-bg-color#": translated("overlay.fills", "what boxes of that class's label are filled with"),
    },
)
SECONDARY = KeyTable(
    {
        **{key: _as_stage(known) for key, known in GIE.items()},
        "operate-on-gie-id": translated("then.from"),
        "operate-on-class-ids": translated("then.objects", "the labels of these classes"),
        "process-mode": ignored("says-itself", "2"),
        "cfg-file-path": translated("then", "the groups of secondaries in that file, in the place of this one"),
    },
    {
        "bbox-border-color#": translated("overlay.colors", "the colour of that class's label"),
        "bbox-bg-color": translated("overlay.fills", "what boxes are filled with, all labels alike"),
        "bbox-bg-color#": translated("overlay.fills", "what boxes of that class's label are filled with"),
    },
)
TRACKER = {
    "enable": honoured("tracker", "0: none"),
    "ll-lib-file": translated("tracker.kind", "which tracker, where no file tells; it is not loaded"),
    "ll-config-file": translated("tracker", "its parameters, carried over where they have a meaning"),
    "cfg-file-path": translated("tracker", "the group in that file, in the place of this one"),
    "display-tracking-id": honoured("overlay.ids"),
    "tracker-width": ignored("tracker-size"),
    "tracker-height": ignored("tracker-size"),
    "enable-batch-process": ignored("hardware"),
    "enable-past-frame": ignored("message-form"),
    "gpu-id": ignored("hardware"),
    "compute-hw": ignored("hardware"),
    "tracker-surface-type": ignored("memory"),
    "tracking-surface-type": ignored("memory"),
    "user-meta-pool-size": ignored("memory"),
    "sub-batches": ignored("batch"),
    "sub-batch-err-recovery-trial-cnt": ignored("batch"),
    "tracker-algorithm": ignored("says-itself"),
    "iou-threshold": ignored("says-itself"),
    "tracking-id-reset-mode": ignored("not-yet", "0", more="ids are never given twice in a run"),
    "input-tensor-meta": ignored("not-yet", "0", more="the tracker's own appearance of objects"),
    "tensor-meta-gie-id": ignored("not-yet", more="the tracker's own appearance of objects"),
    "operate-on-class-ids": ignored("not-yet", more="all objects are tracked"),
}


def source_attributes() -> dict[str, Known]:
    """The keys of a source that are said of several at once; those that name one are passed over."""
    alone = ("type", "uri", "num-sources", "camera-v4l2-dev-node", "camera-csi-sensor-id", "csv-file-path")
    alone += ("camera-width", "camera-height", "camera-fps-n", "camera-fps-d")
    return {key: ignored("says-itself") if key in alone else known for key, known in SOURCE.items()}
