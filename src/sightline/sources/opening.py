"""An address in, an opened container and its video stream out, or an error in words.

Local files are opened without deadlines; every network and device call has one. Addresses in messages never hold
the user part or the query.
"""

from __future__ import annotations

import errno
import math
import os
import selectors
import socket
import sys
import threading
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlsplit

import av
import av.error
from av.container import InputContainer
from av.stream import Discard
from av.video.stream import VideoStream

from sightline.errors import InputError, StreamError
from sightline.sources.addresses import address_of, device_path, likely_live, local_path, scheme_of

__all__ = [
    "Attempt",
    "HopelessError",
    "Opened",
    "declared_rate",
    "device_options",
    "open_media",
]

_ONE_THREAD_PIXELS = 1920 * 1200
_FASTEST = 500  # frames per second; more is a container's placeholder
_SLICE_S = 1.0
_PATIENCE_S = 20.0
_KNOCKED = {"rtsp": 554, "rtsps": 322, "rtmp": 1935}
_STAGE_S = 8.0  # the longest that one stage of opening may take: two attempts fit into the default connect timeout


class HopelessError(StreamError):
    """Asking again will not help: a wrong password, nothing there, not a video."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How to open: deadlines in seconds, `transport` "tcp" or "udp" (RTSP), `stream` the container's index or None
    for FFmpeg's choice, `threads` for the decoder (0: by picture size); `camera_wh` and `camera_fps` are asked of a
    capture device, which may give others."""

    connect_s: float = 15.0
    read_s: float = 5.0
    transport: str = "tcp"
    stream: int | None = None
    threads: int = 0
    camera_wh: tuple[int, int] | None = None
    camera_fps: float | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """An open container, the stream to decode, and whether it ends by itself (a file, wherever it lies).

    silence_s: without a packet for so long it counts as lost; infinite for local files.
    """

    container: InputContainer
    stream: VideoStream
    finite: bool
    silence_s: float


def open_media(url: str, how: Attempt, stopping: threading.Event) -> Opened:
    """Open `url` and choose its video stream.

    Raises InputError for local files (missing, empty, not a video, no such stream) and StreamError for the rest.
    """
    path = local_path(url)
    if path is not None:
        return _open_file(path, how)
    return _open_network(url, how, stopping)


def _open_file(path: Path, how: Attempt) -> Opened:
    try:
        if path.stat().st_size == 0 and path.is_file():
            raise InputError(f"{path}: the file is empty")
        # "file:" keeps FFmpeg from reading a protocol into a name with a colon.
        container = av.open(f"file:{path}", metadata_errors="replace")
    except av.error.FFmpegError as error:
        raise InputError(f"{path}: {_file_reason(error)}") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    return _choose(container, str(path), how, local=True)


def _file_reason(error: av.error.FFmpegError) -> str:
    if isinstance(error, av.error.FileNotFoundError | av.error.PermissionError | av.error.IsADirectoryError):
        return str(error.strerror)
    if isinstance(error, av.error.InvalidDataError):
        return "not a video that FFmpeg can read, or its index is lost (truncated?)"
    if isinstance(error, av.error.EOFError):
        return "it ends before its first picture (truncated?)"
    return f"FFmpeg cannot open it ({error.strerror})"


def _open_network(url: str, how: Attempt, stopping: threading.Event) -> Opened:
    deadline = time.monotonic() + how.connect_s
    if device_path(url) is None:
        _knock(url, deadline, stopping)
    # Only RTSP can go on reading after an interrupted read: there short slices let it stop soon.
    sliced = scheme_of(url) in ("rtsp", "rtsps")
    opened = _open_once(url, how, deadline, _SLICE_S if sliced else _silence_s(url, how.read_s))
    if sliced and 3 * _period_s(opened.stream) > _SLICE_S:
        # A slice that ends between any two pictures would cost their times.
        opened.container.close()
        opened = _open_once(url, how, deadline, opened.silence_s)
    return opened


def _open_once(url: str, how: Attempt, deadline: float, read_s: float) -> Opened:
    device = device_path(url)
    began = time.monotonic()
    stage_s = min(max(0.1, deadline - began), _STAGE_S)
    try:
        container = av.open(
            device or url,
            format=_device_format() if device else None,
            options=_options(url, how),
            timeout=(stage_s, read_s),
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, OSError) as error:
        raise _unreachable(url, error, timed_out=time.monotonic() - began >= stage_s) from None
    return _choose(container, address_of(url), how, local=False)


def _device_format() -> str:
    return {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}.get(sys.platform, "v4l2")


def _options(url: str, how: Attempt) -> dict[str, str]:
    scheme = scheme_of(url)
    if scheme in ("rtsp", "rtsps"):
        return {"rtsp_transport": how.transport, "allowed_media_types": "video", "analyzeduration": "2000000"}
    if scheme in ("http", "https"):
        return {"reconnect": "1", "reconnect_delay_max": "4"}
    return device_options(how) if device_path(url) is not None else {}


def device_options(how: Attempt) -> dict[str, str]:
    """What a capture device is asked for, in FFmpeg's words."""
    asked = {} if how.camera_wh is None else {"video_size": f"{how.camera_wh[0]}x{how.camera_wh[1]}"}
    return asked if how.camera_fps is None else {**asked, "framerate": f"{how.camera_fps:g}"}


def _knock(url: str, deadline: float, stopping: threading.Event) -> None:
    """Connect once with Python's own socket, which says why it failed and can be stopped; FFmpeg's can do neither."""
    parts = urlsplit(url)
    port = _KNOCKED.get(parts.scheme.lower())
    if port is None or not parts.hostname:
        return
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError):
        raise StreamError(f"{address_of(url)}: the host name {parts.hostname} cannot be resolved") from None
    failure: OSError = OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as probe:
            code = _connect(probe, address, min(deadline, time.monotonic() + _STAGE_S), stopping)
        if code == 0:
            return
        failure = OSError(code, os.strerror(code))  # OSError() picks the subclass that fits the number
    raise _unreachable(url, failure, timed_out=isinstance(failure, TimeoutError))


def _connect(probe: socket.socket, address: tuple[object, ...], deadline: float, stopping: threading.Event) -> int:
    """Connect, looking every 0.1 s whether to stop. Returns 0 or the error number."""
    probe.setblocking(False)
    code = probe.connect_ex(address)
    if code not in (errno.EINPROGRESS, errno.EWOULDBLOCK):
        return code
    with selectors.DefaultSelector() as selector:
        selector.register(probe, selectors.EVENT_WRITE)
        while not selector.select(0.1):
            if stopping.is_set() or time.monotonic() >= deadline:
                return errno.ETIMEDOUT
    return probe.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


# What may become of the error that opening a network address ends in: the words, and whether trying again is useless.
_REASONS: tuple[tuple[type[BaseException], str, bool], ...] = (
    (av.error.HTTPUnauthorizedError, "wrong user name or password, or none given (401)", True),
    (av.error.HTTPForbiddenError, "the server forbids it (403)", True),
    (av.error.HTTPNotFoundError, "the server has nothing there (404)", True),
    (av.error.HTTPBadRequestError, "the server does not understand the address (400)", True),
    (av.error.HTTPOtherClientError, "the server refuses the request (4xx)", False),
    (av.error.HTTPServerError, "the server reports a failure of its own (5xx)", False),
    (av.error.ProtocolNotFoundError, "unknown kind of address", True),
    (ConnectionRefusedError, "connection refused; is the camera or server running on that port?", False),
    (ConnectionResetError, "the connection was closed by the other side", False),
    (BrokenPipeError, "the connection was closed by the other side", False),
    (av.error.EOFError, "the connection was closed by the other side", False),
    (FileNotFoundError, "there is no such device", True),
    (PermissionError, "permission denied", True),
)


def _unreachable(url: str, error: Exception, timed_out: bool) -> StreamError:
    where = address_of(url)
    if timed_out or isinstance(error, av.error.ExitError | TimeoutError):
        return StreamError(f"{where}: no answer in time")
    for kind, words, hopeless in _REASONS:
        if isinstance(error, kind):
            return (HopelessError if hopeless else StreamError)(f"{where}: {words}")
    if isinstance(error, av.error.InvalidDataError):
        if scheme_of(url) in _KNOCKED:
            return StreamError(f"{where}: the answer cannot be understood")
        return HopelessError(f"{where}: what comes from there is not a video that FFmpeg can read")
    if isinstance(error, OSError) and error.errno == errno.EIO:
        return StreamError(f"{where}: the host cannot be found or reached")
    return StreamError(f"{where}: {getattr(error, 'strerror', None) or type(error).__name__}")


def _choose(container: InputContainer, where: str, how: Attempt, local: bool) -> Opened:
    """The stream to decode, its decoder told how many threads to use; all others are discarded unread."""
    kind = InputError if local else HopelessError
    try:
        stream = _pick(container, where, how.stream, kind)
    except (InputError, StreamError):
        container.close()
        raise
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    context = stream.codec_context
    many = context.width * context.height > _ONE_THREAD_PIXELS
    context.thread_count = how.threads or (0 if many else 1)
    context.thread_type = "AUTO"
    if local:
        return Opened(container, stream, True, math.inf)
    return Opened(container, stream, _is_finite(container), _silence_s(container.name, how.read_s, _period_s(stream)))


def _is_finite(container: InputContainer) -> bool:
    """Whether a network input is a file that lies elsewhere: http(s) that knows its length in bytes or in time."""
    if scheme_of(container.name) not in ("http", "https"):
        return False
    # The size of a playlist says nothing of what it lists.
    playlist = container.format.name in ("hls", "dash")
    return bool(container.duration) or (container.size > 0 and not playlist)


def _silence_s(url: str, read_s: float, period_s: float = 0.0) -> float:
    """Slow cameras and segmented streams pause by nature; a file elsewhere is worth some patience."""
    patient = not likely_live(url) or urlsplit(url).path.endswith((".m3u8", ".mpd"))
    return max(read_s, _PATIENCE_S if patient else 0.0, 3 * period_s)


def _period_s(stream: VideoStream) -> float:
    rate = declared_rate(stream)
    return 0.0 if rate is None else float(1 / rate)


def _pick(
    container: InputContainer, where: str, wanted: int | None, kind: type[InputError | StreamError]
) -> VideoStream:
    videos = container.streams.video
    listed = ", ".join(str(s.index) for s in videos)
    if not videos:
        found = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
        raise kind(f"{where}: there is no video stream in it (found: {found})")
    if wanted is None:
        stream = container.streams.best("video")
    else:
        stream = next((s for s in videos if s.index == wanted), None)
        if stream is None:
            raise kind(f"{where}: stream {wanted} is not a video stream; there are: {listed}")
    if not isinstance(stream, VideoStream) or stream.codec_context is None:
        raise kind(f"{where}: FFmpeg has no decoder for its video stream")
    return stream


def declared_rate(stream: VideoStream) -> Fraction | None:
    """Frames per second as the file claims (for display), None where the claim is missing or beyond belief."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate is not None and 0 < rate <= _FASTEST:
            return rate
    return None
