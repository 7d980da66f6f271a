"""Elements of launch text by what they are for, and what becomes of each of their properties."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from sightline.foreign.element_keys import ELEMENTS
from sightline.foreign.fates import KeyFate, Known
from sightline.foreign.fates import Status as _Status
from sightline.foreign.gst_launch import Launched, LaunchElement
from sightline.foreign.reasons import REASONS, honoured, ignored, translated
from sightline.foreign.secrets import shown

__all__ = ["DISPLAYS", "ENCODERS", "INFERENCE", "SERVERS", "SOURCES", "fates_of_launch", "known_element"]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


SOURCES = _set(
    "uridecodebin uridecodebin3 nvurisrcbin nvmultiurisrcbin urisourcebin rtspsrc rtspsrc2 filesrc "
    "multifilesrc souphttpsrc curlhttpsrc v4l2src nvv4l2camerasrc nvarguscamerasrc videotestsrc udpsrc "
    "srtsrc srtclientsrc rtmpsrc rtmp2src playbin playbin3 uriplaybin"
)
INFERENCE = frozenset({"nvinfer", "nvinferserver", "nvinferbin", "nvinferserverbin"})
DISPLAYS = _set(
    "nveglglessink nv3dsink nvdrmvideosink nvoverlaysink autovideosink xvimagesink ximagesink glimagesink "
    "waylandsink kmssink fpsdisplaysink gtksink d3dvideosink osxvideosink nvvideorenderer"
)
SERVERS = _set("udpsink rtspclientsink nvrtspoutsinkbin tcpserversink hlssink hlssink2 rtmpsink srtsink")
ENCODERS = _set(
    "nvv4l2h264enc nvv4l2h265enc x264enc x265enc omxh264enc omxh265enc openh264enc avenc_mpeg4 mpeg4enc "
    "vp8enc vp9enc av1enc svtav1enc nvv4l2av1enc nvh264enc nvh265enc vaapih264enc vaapih265enc"
)
# not in the tables of DeepStream's own applications, and plain enough to be passed over
_PLAIN = _set(
    "videocrop videoflip videobox videomixer compositor clockoverlay timeoverlay textoverlay fakesink "
    "fakesrc appsink audioconvert audioresample autoaudiosink alsasink pulsesink flacdec opusdec "
    "vorbisdec aacparse avdec_aac typefind rtpjitterbuffer rtpbin avdec_h264 avdec_mjpeg vp8dec vp9dec "
    "av1dec dav1ddec vaapidecodebin nvh264dec nvh265dec openh264dec input-selector output-selector valve "
    "clocksync progressreport filesink level watchdog imagefreeze tsdemux avidemux flvdemux mpegtsmux "
    "rtph264depay vp8parse vp9parse av1parse mpegvideoparse cudaupload cudadownload glupload gldownload "
    "glcolorconvert vaapipostproc deinterlace"
)
_INPUT: dict[str, Known] = {
    "uri": honoured("streams.url"),
    "location": honoured("streams.url"),
    "address": honoured("streams.url"),
    "port": honoured("streams.url"),
    "user-id": translated("streams.url", "with the password, into the address"),
    "user-pw": translated("streams.url", "with the user, into the address"),
    "protocols": translated("streams.rtsp_transport"),
    "loop": honoured("limits.loop"),
    "timeout": ignored("retry"),
    "tcp-timeout": ignored("retry"),
    "buffer-mode": ignored("jitter"),
    "latency": ignored("jitter"),
    "drop-on-latency": ignored("jitter"),
    "caps": ignored("mux"),
    "video-sink": ignored("display"),
    "audio-sink": ignored("audio"),
    "flags": ignored("display"),
    "volume": ignored("audio"),
    "mute": ignored("audio"),
    "pattern": ignored("not-yet", more="a street that is made up stands for it"),
    "num-buffers": ignored("not-yet", more="--limit 100f ends a stream after so many frames"),
}
_CONVERT: dict[str, Known] = {"src-crop": translated("limits.crop", "left:top:width:height, before the model")}


def known_element(kind: str) -> bool:
    """Whether something is known of it."""
    return kind in ELEMENTS or kind in SOURCES | DISPLAYS | SERVERS | ENCODERS | _PLAIN


def fates_of_launch(launched: Launched, file: str, line: int, group: str) -> Iterator[KeyFate]:
    """One fate an element, whose key is its name, and one each of its properties."""
    for element in launched.elements:
        here = f"{group}.{element.name}"
        yield KeyFate(file, line, group, element.name, element.kind, *_of_element(element))
        for key, value in element.properties.items():
            status = _of_property(element, key)
            yield KeyFate(file, line, here, key, shown(key, value), *status)


def _of_element(element: LaunchElement) -> tuple[_Status, str, str]:
    kind = element.kind
    for kinds, as_ in _MEANINGS:
        if kind in kinds:
            return "translated", as_, ""
    if kind in SERVERS:
        return "ignored", "", REASONS["rtsp-server"]
    if known_element(kind):
        return "ignored", "", "files and streams are read, converted and written as they need it"
    near = difflib.get_close_matches(kind, [*ELEMENTS, *SOURCES, *DISPLAYS, *_PLAIN], n=1, cutoff=0.8)
    hint = f"; did you mean {near[0]}?" if near else ""
    return "unknown", "", f"an element that is not known{hint}"


def _of_property(element: LaunchElement, key: str) -> tuple[_Status, str, str]:
    kind = element.kind
    own = _INPUT.get(key) if kind in SOURCES else _CONVERT.get(key) if kind == "nvvideoconvert" else None
    table = ELEMENTS.get(kind)
    known = own or (table.get(key) if table is not None else None)
    if known is None and key == "name":
        known = honoured("stage", "how links call it")
    if known is not None:
        return known.status, known.as_, known.why
    if table is None:
        return "ignored", "", f"a property of {kind}, which has no meaning here"
    near = difflib.get_close_matches(key, list(table), n=1, cutoff=0.75)
    if near:
        return "unknown", "", f"{kind} has no such property that is known; did you mean {near[0]}?"
    return "ignored", "", f"a property of {kind} that has no meaning here"


_MEANINGS: tuple[tuple[frozenset[str], str], ...] = (
    (SOURCES, "streams"),
    (INFERENCE, "model, then"),
    (frozenset({"nvtracker"}), "tracker"),
    (frozenset({"nvdsanalytics"}), "streams.analytics"),
    (frozenset({"nvdspreprocess"}), "model.regions"),
    (frozenset({"nvdewarper"}), "streams.dewarp"),
    (frozenset({"nvdsosd"}), "overlay"),
    (frozenset({"nvmultistreamtiler"}), "sinks (mosaic)"),
    (frozenset({"nvmsgconv", "nvmsgbroker"}), "sinks (jsonl with a payload)"),
    (frozenset({"filesink", "splitmuxsink", "nvvideoencfilesinkbin"}), "sinks (video)"),
    (DISPLAYS, "sinks (show)"),
)
