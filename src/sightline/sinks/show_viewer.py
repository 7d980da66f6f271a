"""One connection of a viewer: what it may ask, and the answer."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler
from importlib.resources import files
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from sightline.sinks.show_board import Board, Screen

__all__ = ["Door", "Viewer"]

_PAGES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/favicon.ico": ("icon.svg", "image/svg+xml"),  # asked for by browsers that were shown no page yet
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_FACTS_S = 0.5
_FIRST_PICTURE_S = 5.0
_QUESTION_S = 5.0  # for a request to come
_SILENCE_S = 15.0  # of a viewer that takes nothing
_BOUNDARY = "picture"
_PICTURE, _FACTS = b"P", b"F"


class Door(Protocol):
    """What a viewer must pass: the name it used for this machine, and the token."""

    board: Board
    cookie: str

    def knows(self, token: str) -> bool: ...
    def is_here(self, host: str) -> bool: ...


class Viewer(BaseHTTPRequestHandler):
    """Answers one request. Raises OSError where the viewer has gone."""

    protocol_version = "HTTP/1.1"
    server_version = "Sightline"
    sys_version = ""
    timeout = _QUESTION_S

    def __init__(self, request: Any, client: Any, server: Any, door: Door) -> None:
        self._door = door
        super().__init__(request, client, server)

    # -- the door ------------------------------------------------------------------------------------------------------

    def parse_request(self) -> bool:
        """Also judge who asks: whatever it is, it is answered to nobody without the token."""
        if not super().parse_request():
            return False
        self.close_connection = True
        if not self._door.is_here(self.headers.get("Host", "")):
            self._refuse(HTTPStatus.FORBIDDEN, "this address is not how the machine is called")
        elif not any(self._door.knows(token) for token in self._tokens()):
            self._refuse(HTTPStatus.UNAUTHORIZED, "no token, or a wrong one: open the address that the run printed")
        elif self.command != "GET":
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "there is only something to see here")
        else:
            return True
        return False

    def _tokens(self) -> Iterator[str]:
        """Every token that the request brings."""
        yield from parse_qs(urlsplit(self.path).query, max_num_fields=16).get("token", [])
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            yield value.strip()
        try:
            kept = SimpleCookie(self.headers.get("Cookie", "")).get(self._door.cookie)
        except CookieError:
            return
        if kept is not None:
            yield kept.value

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        extra = {
            HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
            HTTPStatus.METHOD_NOT_ALLOWED: {"Allow": "GET"},
        }
        self._answer(status, "text/plain; charset=utf-8", f"{why}\n".encode(), extra.get(status))

    # -- the answers ---------------------------------------------------------------------------------------------------

    def do_GET(self) -> None:
        """The page and its parts, the facts, and pictures, one by one or without end."""
        url = urlsplit(self.path)
        token = parse_qs(url.query, max_num_fields=16).get("token", [""])[0]
        if url.path == "/" and self._door.knows(token):
            keep = f"{self._door.cookie}={token}; Path=/; HttpOnly; SameSite=Lax"
            self._answer(HTTPStatus.SEE_OTHER, "text/plain", b"", {"Location": "/", "Set-Cookie": keep})
        elif url.path in _PAGES:
            name, kind = _PAGES[url.path]
            self._answer(HTTPStatus.OK, kind, files("sightline.sinks").joinpath("show_page", name).read_bytes())
        elif url.path == "/facts":
            self._answer(HTTPStatus.OK, "application/json", json.dumps(self._door.board.facts()).encode())
        elif url.path == "/live":
            self._live(parse_qs(url.query, max_num_fields=16).get("streams", [""])[0])
        elif (found := self._screen(url.path)) is not None:
            self._motion(found) if url.path.endswith(".mjpg") else self._picture(found)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such thing here")

    def _screen(self, path: str) -> Screen | None:
        """The stream of /stream/N.jpg or /stream/N.mjpg."""
        name, _, ending = path.removeprefix("/stream/").partition(".")
        screens = self._door.board.screens
        if not path.startswith("/stream/") or ending not in ("jpg", "mjpg") or not name.isdecimal() or len(name) > 6:
            return None
        return screens[int(name)] if int(name) < len(screens) else None

    def _picture(self, screen: Screen) -> None:
        """The next picture of a stream, or its last one where none comes."""
        board = self._door.board
        if not screen.ended:
            with board.watching([screen]):
                board.wait([screen], [screen.number], _FIRST_PICTURE_S)
        if screen.jpeg:
            self._answer(HTTPStatus.OK, "image/jpeg", screen.jpeg)
        else:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "no picture of that stream came in time")

    def _motion(self, screen: Screen) -> None:
        """Pictures until the run ends, as browsers and players take them (multipart/x-mixed-replace)."""
        self._head(HTTPStatus.OK, f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        for found in self._news([screen]):
            if found is not None:
                part = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(found.jpeg)}\r\n\r\n"
                self.wfile.write(part.encode() + found.jpeg + b"\r\n")

    def _live(self, wanted: str) -> None:
        """Pictures of the streams `wanted` ("0,2"; "" for all) and facts of all, until the run ends.

        Each message is its length (4 bytes, big endian, without these four), a letter, and a body: "P" the stream's
        number (2 bytes) and a JPEG, "F" the facts as JSON in UTF-8.
        """
        self._head(HTTPStatus.OK, "application/octet-stream")
        board, numbers = self._door.board, {int(n) for n in wanted.split(",") if n.isdecimal() and len(n) < 6}
        told, events, streams = 0.0, 0, -1
        while streams != len(board.screens):  # a stream that joins is shown too
            streams = len(board.screens)
            chosen = {id(s): i for i, s in enumerate(board.screens) if not wanted or i in numbers}
            screens = [screen for screen in board.screens if id(screen) in chosen]
            with closing(self._news(screens)) as news:
                for found in news:
                    if found is not None:
                        self._message(_PICTURE, struct.pack(">H", chosen[id(found)]) + found.jpeg)
                    elif time.monotonic() - told >= _FACTS_S or board.ended:
                        facts = json.dumps(board.facts(events)).encode()
                        told, events = time.monotonic(), board.seen_events
                        self._message(_FACTS, facts)
                    if streams != len(board.screens):
                        break

    def _news(self, screens: Sequence[Screen]) -> Generator[Screen | None, None, None]:
        """Each new picture's screen, what this viewer was too slow for left out; None now and then, and at the end."""
        board = self._door.board
        sent = [0] * len(screens)
        with board.watching(screens):
            while True:
                ended = board.ended
                for i, screen in enumerate(screens):
                    if screen.number != sent[i]:
                        sent[i] = screen.number
                        yield screen
                yield None
                if ended:
                    return
                board.wait(screens, sent, _FACTS_S)

    # -- the wire ------------------------------------------------------------------------------------------------------

    def _message(self, letter: bytes, body: bytes) -> None:
        self.wfile.write(struct.pack(">I", len(body) + 1) + letter + body)

    def _answer(self, status: HTTPStatus, kind: str, body: bytes, extra: dict[str, str] | None = None) -> None:
        self._head(status, kind, {"Content-Length": str(len(body)), **(extra or {})})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: HTTPStatus, kind: str, extra: dict[str, str] | None = None) -> None:
        self.connection.settimeout(_SILENCE_S)
        self.send_response(status)
        for name, value in {"Content-Type": kind, **_HEADERS, **(extra or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written down about viewers."""
