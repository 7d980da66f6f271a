"""Models and zips from the net: credentials reach their server and nobody else, not even an error's text."""

from __future__ import annotations

import base64
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from sightline.errors import StreamError, UsageError
from sightline.models.download import download

SECRETS = ("hunter2", "s1gnature")


class Store(http.server.BaseHTTPRequestHandler):
    """Gives a file to who says the password; /elsewhere leads to the same under another name of this machine."""

    told: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.told.append((self.path, self.headers.get("Authorization")))
        if self.path.startswith("/elsewhere"):
            self.send_response(302)
            port = self.headers["Host"].rpartition(":")[2]
            self.send_header("Location", f"http://localhost:{port}/model.zip")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"PK")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def store() -> Iterator[str]:
    Store.told = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_user_and_password_become_basic_authentication(store: str, tmp_path: Path) -> None:
    found = download(f"http://me:hunter2%40@{store}/model.zip?sig=s1gnature", tmp_path)
    assert found.path.read_bytes() == b"PK"
    assert found.url == f"http://{store}/model.zip"
    assert Store.told == [("/model.zip?sig=s1gnature", "Basic " + base64.b64encode(b"me:hunter2@").decode())]


def test_who_it_is_redirected_to_is_not_told(store: str, tmp_path: Path) -> None:
    download(f"http://me:hunter2@{store}/elsewhere", tmp_path)
    assert [asked is not None for _, asked in Store.told] == [True, False]


@pytest.mark.parametrize(
    "url",
    [
        "http://me:hunter2@exa mple/\n:99999/m.zip?sig=s1gnature",
        "http://me:hunter2@127.0.0.1:port/m.zip?sig=s1gnature",
        "http://me:hunter2@[::1/m.zip?sig=s1gnature",
        "http://me:hunter2@127.0.0.1:1/m.zip?sig=s1gnature",
        "http://me:hunter2@/m.zip?sig=s1gnature",
    ],
)
def test_no_error_tells_a_secret(url: str, tmp_path: Path) -> None:
    with pytest.raises((UsageError, StreamError)) as error:
        download(url, tmp_path)
    assert not any(secret in str(error.value) for secret in SECRETS)
