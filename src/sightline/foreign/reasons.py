"""Why keys of other programs are passed over: one sentence a reason, the same in `explain` and in the documents."""

from __future__ import annotations

from collections.abc import Iterable

from sightline.foreign.fates import Known

__all__ = ["REASONS", "each", "honoured", "ignored", "translated"]

REASONS: dict[str, str] = {
    "hardware": "chooses hardware of one vendor; here --runtime and --device do",
    "memory": "sizes or places that vendor's memory; memory follows the pictures",
    "engine": "names a TensorRT engine, which runs on the GPU it was built for; the model's own file is read",
    "batch": "frames are put together as they come, as many as the model takes; run -b N says another number",
    "mux": "pictures keep their own size and time: there is no muxer that makes them alike",
    "live": "whether an input is live is told by its address",
    "decoder": "of that vendor's decoder; here FFmpeg decodes",
    "jitter": "the buffer of network packets is FFmpeg's own",
    "retry": "a lost camera is tried again for as long as the run lasts, waiting longer each time",
    "sync": "files are written as fast as frames come, and a live view shows each as it comes",
    "encoder": "of that vendor's encoder; pictures are encoded by x264 and x265",
    "container": "a recording has the container that its camera's codec fits in",
    "display": "places a window on a screen; the live view is a page in the browser",
    "library": "compiled code is never loaded",
    "audio": "concerns sound, which is not looked at",
    "dump": "writes raw tensors for debugging; sightline inspect shows what the model says",
    "measured": "frames a second are told while a run lasts and at its end",
    "rtsp-server": "needs an RTSP server, which is still to come; -o FILE or --show until then",
    "broker": "needs a message broker, which is still to come; the messages are written to a file until then",
    "rest": "needs a server of commands, which is still to come; inputs are those of the file",
    "example": "an example of how to write an element, which does nothing to results",
    "links": "models follow one another by what they look at, not by how elements are linked",
    "nothing": "shows and writes nothing, there or here",
    "font": "a font is named there by its family, here by its file: overlay.font",
    "as-there": "DeepStream passes over it as well",
    "debug": "words for that program's log; sightline has its own, and --debug",
    "queue": "of a queue between two steps; frames wait in small ones of fixed size",
    "tracker-size": "pictures are not resized for tracking: it works on boxes",
    "message-form": "of how that library makes its messages",
    "not-yet": "is not there yet",
    "restart": "takes the pipeline down and builds it anew, as a test",
    "says-itself": "the file that is named says itself what it is",
    "other-file": "in a file of no kind that DeepStream's elements read",
    "server": "of a server that runs the models; here they run in this process",
}


def honoured(as_: str, why: str = "", *, many: bool = False) -> Known:
    """A key that means the same here."""
    return Known("honoured", as_, why, many=many)


def translated(as_: str, why: str = "", *, many: bool = False) -> Known:
    """A key that another setting says here."""
    return Known("translated", as_, why, many=many)


def ignored(reason: str, *idle: str, more: str = "") -> Known:
    """A key that is passed over, for one of REASONS; idle: values that ask for nothing."""
    return Known("ignored", "", REASONS[reason] + (f": {more}" if more else ""), idle)


def each(keys: Iterable[str], known: Known) -> dict[str, Known]:
    """The same for several keys."""
    return dict.fromkeys(keys, known)
