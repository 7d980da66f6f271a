"""The page of a run over HTTP: read only, behind a token, one worker a viewer.

Who may ask: whoever names this machine as it is (a page elsewhere that makes its own name point here is turned away)
and brings the token, in the address at first, then in a cookie that scripts cannot read, or as a bearer token.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
import sys
import threading
import time
from http.server import HTTPServer
from typing import Any
from urllib.parse import urlsplit

from sightline.channel import Worker
from sightline.errors import OutputError
from sightline.sinks.show_board import Board
from sightline.sinks.show_viewer import Viewer

__all__ = ["ShowServer"]

_MOST_VIEWERS = 64  # connections at once
_SEND_BYTES = 1 << 18  # under way to a viewer: who is slow sees less, not later


class ShowServer:
    """Listens from birth. `address` is what to open. Raises OutputError where the port or host cannot be had."""

    def __init__(self, board: Board, host: str, port: int, token: str) -> None:
        self._token = token.encode()
        self._names = _names_of(host)
        self._workers: list[tuple[Worker, socket.socket]] = []
        self._lock = threading.Lock()
        self.board = board
        self.faults: list[str] = []
        try:
            self._server = _Server(self, host, port)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(
                f"show: cannot listen on {host} port {port}: {reason}; port 0 takes any free one"
            ) from error
        self.port = int(self._server.server_address[1])
        self.address = f"http://{_printed(host)}:{self.port}/?token={token}"
        self.cookie = f"sightline-{self.port}"
        self._listener = Worker("show-listen", lambda _: self._server.serve_forever(0.1)).start()

    def knows(self, token: str) -> bool:
        """Is that the token? Takes as long for a near miss as for any other."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self._token)

    def is_here(self, host: str) -> bool:
        """Does a request's Host name this machine, and not some name that was made to point at it?"""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._names or (not self._names and (name == "localhost" or _address(name) is not None))

    def begin(self, request: socket.socket, client: Any) -> None:
        """Serve one connection in a worker of its own; turn it away where there are too many."""
        with self._lock:
            self._workers = [(worker, sock) for worker, sock in self._workers if worker.alive]
            if len(self._workers) >= _MOST_VIEWERS:
                self._server.shutdown_request(request)
                return
            request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)
            worker = Worker("show-viewer", lambda _: self._serve(request, client))
            self._workers.append((worker, request))
        worker.start()

    def close(self, patience_s: float) -> None:
        """Listen no more; viewers have so long to be told the end."""
        self._server.shutdown()
        self._listener.join()
        self._server.server_close()
        with self._lock:
            workers = list(self._workers)
        until = time.monotonic() + patience_s
        for worker, sock in workers:
            if not worker.wait(max(0.0, until - time.monotonic())):
                _cut(sock)
            worker.join()
            if worker.error is not None:
                self.faults.append(f"show: a viewer was lost: {worker.error}")

    def _serve(self, request: socket.socket, client: Any) -> None:
        try:
            Viewer(request, client, self._server, self)
        except (OSError, ValueError):  # gone, or it never spoke HTTP: nothing is left to say to it
            return
        finally:
            self._server.shutdown_request(request)


class _Server(HTTPServer):
    """The standard library's server with our workers instead of its threads."""

    request_queue_size = _MOST_VIEWERS

    def __init__(self, show: ShowServer, host: str, port: int) -> None:
        self._show = show
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Viewer)  # type: ignore[arg-type]  process_request makes the viewers

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hand the connection over."""
        self._show.begin(request, client_address)

    def server_bind(self) -> None:
        """Without asking a name server for our own name, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(sys.platform != "win32"))
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke while it was taken: nothing is lost but it."""


def _names_of(host: str) -> frozenset[str]:
    """What requests may call this machine; empty: any address in digits."""
    address = _address(host)
    if address is not None and not address.is_loopback:
        return frozenset() if address.is_unspecified else frozenset({host})
    return frozenset({"localhost", "127.0.0.1", "::1", host.lower()})


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _printed(host: str) -> str:
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1" if host != "::" else "[::1]"
    return f"[{host}]" if ":" in host else host


def _cut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is gone already
