"""Results -> HTTP: messages are posted to an address, again and again until they are taken."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from sightline import wire
from sightline.channel import Bell, Worker
from sightline.errors import OutputError, UsageError
from sightline.protocols import Payload, RunInfo
from sightline.sinks.outbox import MemoryOutbox, Outbox, SpoolOutbox
from sightline.types import FrameResult, Picture

__all__ = ["WebhookSink"]

_FIRST_PAUSE_S = 0.5
_LONGEST_ADVICE_S = 300.0  # of a server that says when to come again
_AGAIN = (408, 425, 429)  # answers of the 400s that mean: later


@dataclass(slots=True)
class WebhookSink:
    """POSTs messages, in order, from a thread of its own; the run is never held up by a server that is down.

    url: http or https; a user name and password in it become basic authentication.
    payload: whose messages; default: our own lines.
    events_only: only of frames in which something happened (of our own lines only the events).
    batch: most messages in one request: 1 sends each as it is (JSON), more as an array, or as lines with
        form "ndjson". wait_s: longest wait for a batch to fill.
    headers: further headers. token_env: the environment variable that holds a bearer token. headers_env: header ->
        environment variable. What they hold is never shown.
    timeout_s: for one request. pause_s: longest pause between two tries; the first is half a second.
    queue: messages kept in memory while the server is down; then the oldest are dropped, counted and told.
    spool: a folder instead: messages wait on disk, up to spool_mb, and what is left is sent by the next run.
    close_s: at the end, the longest wait for what is left to be sent.

    Answers 2xx take a message; 408, 425, 429, 5xx and no answer mean again; anything else refuses it. A recording
    waits for a server that takes messages slowly; live streams do not. Every request carries an Idempotency-Key made
    of its content. `close` raises OutputError where a message was not taken and is not kept.
    """

    url: str
    payload: Payload | None = None
    events_only: bool = False
    batch: int = 1
    wait_s: float = 1.0
    form: Literal["array", "ndjson"] = "array"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    token_env: str = ""
    headers_env: Mapping[str, str] = field(default_factory=dict[str, str])
    timeout_s: float = 10.0
    pause_s: float = 30.0
    queue: int = 1000
    spool: str = ""
    spool_mb: int = 1024
    close_s: float = 10.0
    wants_picture: bool = field(default=False, init=False)
    notes: list[str] = field(default_factory=list[str], init=False)
    sent: int = field(default=0, init=False)
    refused: int = field(default=0, init=False)
    _outbox: Outbox = field(init=False, repr=False)
    _post: _Post | None = field(default=None, init=False, repr=False)
    _worker: Worker | None = field(default=None, init=False, repr=False)
    _bell: Bell = field(default_factory=Bell, init=False, repr=False)
    _room: threading.Event = field(default_factory=threading.Event, init=False, repr=False)
    _names: tuple[str, ...] = field(default=(), init=False, repr=False)
    _trouble: str = field(default="", init=False, repr=False)
    _down: bool = field(default=False, init=False, repr=False)
    _until: float | None = field(default=None, init=False, repr=False)
    _hurried: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        for option, least in (("batch", 1), ("queue", 1), ("spool_mb", 1)):
            if getattr(self, option) < least:
                raise ValueError(f"{option} {getattr(self, option)}: at least {least}")
        for option in ("timeout_s", "pause_s"):
            if not 0 < getattr(self, option) <= 3600:
                raise ValueError(f"{option} {getattr(self, option):g}: above 0, at most 3600")
        self._outbox = MemoryOutbox(self.queue)

    def open(self, info: RunInfo) -> None:
        """Judge address, headers and spool, and begin to send; again when a stream joins late.

        Raises UsageError, and OutputError where the spool cannot be used.
        """
        self._names = info.models[0].labels if info.models else ()
        if self._worker is None:
            self._post = _Post(_parts(self.url), self._headers(), self.timeout_s)
            if self.spool:
                outbox = SpoolOutbox(Path(self.spool), self.spool_mb << 20)
                outbox.open()
                self._outbox = outbox
            self._worker = Worker("webhook", self._send).start()
        if self.payload is not None:
            self._put(self.payload.open(info), patient=False)
        elif not self.events_only:
            self._put([wire.header_line(info)], patient=False)

    def write(self, result: FrameResult, picture: Picture | None = None) -> None:
        """Queue one frame's messages."""
        if self._worker is None:
            raise ValueError("WebhookSink.write before open")
        if self.events_only and not result.events:
            return
        self._put(self._messages(result), patient=not result.frame.stream.live)

    def close(self) -> None:
        """Send what is left within `close_s`. Raises OutputError where something was neither taken nor kept."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        self._until = time.monotonic() + self.close_s
        self._bell.ring()
        if not worker.wait(self.close_s) and self._post is not None:
            self._post.abort()
        worker.join(max(1.0, min(self.timeout_s, 5.0)))
        left, dropped = len(self._outbox), self._outbox.dropped
        self._outbox.close()
        worker.check()
        self._account(left, dropped)

    def _account(self, left: int, dropped: int) -> None:
        fault = getattr(self._outbox, "fault", "")
        if left and self.spool:
            self.notes.append(f"webhook {_shown(self.url)}: {left} messages wait in {self.spool} for the next run")
            left = 0
        lost = left + dropped + self.refused
        if not lost:
            return
        parts = [(left, "not sent"), (dropped, "dropped while it was down"), (self.refused, "refused")]
        said = ", ".join(f"{count} {what}" for count, what in parts if count)
        why = fault or self._trouble
        raise OutputError(
            f"webhook {_shown(self.url)}: of {lost + self.sent} messages {said}" + (f"; {why}" if why else "")
        )

    # -- taking ------------------------------------------------------------------------------------------------------

    def _messages(self, result: FrameResult) -> list[str]:
        if self.payload is not None:
            return self.payload.messages(result)
        events = [wire.event_line(event, result.frame) for event in result.events]
        return events if self.events_only else [wire.frame_line(result, self._names), *events]

    def _put(self, messages: list[str], *, patient: bool) -> None:
        for message in messages:
            while patient and not self.spool and len(self._outbox) >= self.queue and self._working():
                self._room.clear()
                self._room.wait(0.1)
            self._outbox.put(message)
        if messages:
            self._bell.ring()

    def _working(self) -> bool:
        return not self._down and self._worker is not None and self._worker.alive

    # -- sending, in a thread of its own -------------------------------------------------------------------------------

    def _send(self, stop: threading.Event) -> None:
        assert self._post is not None
        pause_s = _FIRST_PAUSE_S
        waited_since: float | None = None
        while not stop.is_set():
            messages = self._outbox.head(self.batch)
            if not messages and self._until is not None:
                break
            now = time.monotonic()
            waited_since = None if not messages else waited_since or now
            fills_s = 0.25 if waited_since is None else waited_since + self.wait_s - now
            if not messages or (len(messages) < self.batch and fills_s > 0 and self._until is None):
                self._bell.wait(fills_s)
                continue
            answer = self._post(self._body(messages), self._type())
            if answer.taken or answer.refused:
                self._outbox.done(len(messages))
                self._room.set()
                self.sent += len(messages) if answer.taken else 0
                self.refused += 0 if answer.taken else len(messages)
                self._trouble = self._trouble if answer.taken else answer.said
                self._down, pause_s, waited_since = False, _FIRST_PAUSE_S, None
                continue
            self._down, self._trouble = True, answer.said
            if not self._pause(answer.later_s or pause_s, stop):
                break
            pause_s = min(self.pause_s, 2 * pause_s)
        self._post.close()

    def _pause(self, seconds: float, stop: threading.Event) -> bool:
        """Sleep before the next try; False where there will be none. The end of the run cuts a pause short, once."""
        until = time.monotonic() + seconds
        while not stop.is_set():
            now, end = time.monotonic(), self._until
            if end is not None and now >= end:
                return False
            if now >= until or (end is not None and not self._hurried):
                self._hurried = end is not None
                return True
            stop.wait(min(0.1, until - now))
        return False

    def _body(self, messages: list[str]) -> bytes:
        if self.batch == 1:
            text = messages[0]
        elif self.form == "ndjson":
            text = "".join(f"{message}\n" for message in messages)
        else:
            text = f"[{','.join(messages)}]"
        return text.encode("utf-8", "replace")

    def _type(self) -> str:
        return "application/x-ndjson" if self.batch > 1 and self.form == "ndjson" else "application/json"

    def _headers(self) -> dict[str, str]:
        """All headers that do not change. Raises UsageError naming a variable that is not set, or an odd header."""
        from sightline import __version__

        made = {"User-Agent": f"sightline/{__version__}", **self.headers}
        for name, variable in self.headers_env.items():
            made[name] = _secret(variable)
        if self.token_env:
            made["Authorization"] = f"Bearer {_secret(self.token_env)}"
        for name, value in made.items():
            if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
                raise UsageError(f"webhook headers: {name!r} is not the name of a header")
            if any(ord(c) < 32 or ord(c) == 127 for c in value) or not value.isascii():
                raise UsageError(f"webhook headers: the value of {name} has characters that a header must not have")
        return made


@dataclass(frozen=True, slots=True)
class _Answer:
    """taken, refused, or neither: again, after `later_s` where the server said so. said: in words, without secrets."""

    taken: bool = False
    refused: bool = False
    later_s: float = 0.0
    said: str = ""


@dataclass(slots=True)
class _Post:
    """A connection that is kept open between requests."""

    parts: SplitResult
    headers: Mapping[str, str]
    timeout_s: float
    _connection: http.client.HTTPConnection | None = None
    _used: bool = False

    def __call__(self, body: bytes, kind: str) -> _Answer:
        """One request; a kept connection that turns out to be dead is replaced at once."""
        again = self._used
        try:
            return self._request(body, kind)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if not again or isinstance(error, TimeoutError):
                return _Answer(said=_reason(error))
        try:
            return self._request(body, kind)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return _Answer(said=_reason(error))

    def _request(self, body: bytes, kind: str) -> _Answer:
        connection = self._connection or self._connect()
        self._connection = connection
        path = (self.parts.path or "/") + (f"?{self.parts.query}" if self.parts.query else "")
        key = hashlib.sha256(body).hexdigest()[:32]
        connection.request(
            "POST", path, body, {**self._authorised(), "Content-Type": kind, "Idempotency-Key": key, **self.headers}
        )
        response = connection.getresponse()
        response.read(1 << 16)
        if response.will_close or response.length not in (0, None):
            self.close()
        else:
            self._used = True
        status = response.status
        said = f"the server answers {status} {response.reason}".rstrip()
        if 200 <= status < 300:
            return _Answer(taken=True)
        if status in _AGAIN or status >= 500:
            return _Answer(later_s=_advice(response.getheader("Retry-After")), said=said)
        if 300 <= status < 400:
            said += "; name the address that it redirects to"
        return _Answer(refused=True, said=said)

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self.parts.hostname or "", self.parts.port
        if self.parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self.timeout_s, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=self.timeout_s)

    def _authorised(self) -> dict[str, str]:
        if self.parts.username is None:
            return {}
        pair = f"{unquote(self.parts.username)}:{unquote(self.parts.password or '')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def close(self) -> None:
        connection, self._connection, self._used = self._connection, None, False
        if connection is not None:
            connection.close()

    def abort(self) -> None:
        """End a request that is under way in another thread."""
        connection = self._connection
        sock = None if connection is None else connection.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(2)


def _advice(text: str | None) -> float:
    """Seconds of a Retry-After header; 0 where it names none."""
    try:
        return min(_LONGEST_ADVICE_S, max(0.0, float(text or 0)))
    except ValueError:
        return 0.0


def _reason(error: OSError | http.client.HTTPException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return "its answer is no HTTP"


def _secret(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise UsageError(f"webhook: the environment variable {variable} is not set")
    return value


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable, parts = False, urlsplit("")
    if not usable or any(ord(c) <= 32 or ord(c) == 127 for c in url) or not url.isascii():
        raise UsageError(f"webhook url {_shown(url)}: expected http://HOST/PATH or https://HOST/PATH, in ASCII")
    return parts


def _shown(url: str) -> str:
    """An address without what it should not tell: user and password, and paths and queries that hold a key."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(not an address)"
    return f"{parts.scheme}://{parts.hostname or ''}{port}"
