"""Webhook: every message arrives, in order, whatever the server does; what cannot arrive is told."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sightline.errors import OutputError, UsageError
from sightline.protocols import RunInfo, Sink, StageInfo
from sightline.sinks.outbox import MemoryOutbox, SpoolOutbox
from sightline.sinks.webhook import WebhookSink
from sightline.types import Event, Frame, FrameResult, Instant, StreamInfo

STREAM = StreamInfo("clip.mp4", 64, 48, Fraction(1, 25), live=True)
INFO = RunInfo((StageInfo("model", "m", "", "openvino", "f32", 0.2, 0.5, ("cat",)),), (STREAM,))


@dataclass
class Server:
    """A real server whose answers are given as a function of how many requests there were."""

    answer: Callable[[int], tuple[int, dict[str, str]]] = lambda _: (200, {})
    slow_s: float = 0.0
    port: int = 0
    bodies: list[Any] = field(default_factory=list)
    taken: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @contextlib.contextmanager
    def running(self) -> Iterator["Server"]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.bodies.append(body)
                outer.headers.append({k.lower(): v for k, v in self.headers.items()})
                status, extra = outer.answer(len(outer.bodies))
                if outer.slow_s:
                    time.sleep(outer.slow_s)
                if status < 300:
                    outer.taken.append(body)
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    for name, value in {"Content-Length": "2", **extra}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(b"ok")

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass

        server = Quiet(("127.0.0.1", self.port), Handler)
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def frames(self) -> list[int]:
        return [r["frame"] for r in map(json.loads, self.taken) if r["type"] == "frame"]


@dataclass
class Numbers:
    """A payload of one number a frame."""

    def open(self, info: RunInfo) -> list[str]:
        return []

    def messages(self, result: FrameResult) -> list[str]:
        return [str(result.frame.index)]


def result(index: int, stream: StreamInfo = STREAM, happened: bool = False) -> FrameResult:
    at = Instant(index, stream.base)
    events = (Event(f"e{index}", "line.crossed", "door", stream.id, index, at),) if happened else ()
    return FrameResult(Frame(stream, index, at, None, 64, 48), events=events)


def wait_for(told: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not told():
        assert time.monotonic() < until
        time.sleep(0.01)


def closed_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_each_message_is_a_request_in_order_over_one_connection() -> None:
    with Server().running() as server:
        sink = WebhookSink(server.url)
        assert isinstance(sink, Sink)
        sink.open(INFO)
        for i in range(20):
            sink.write(result(i, happened=i == 3))
        sink.close()
        sink.close()
    kinds = [json.loads(body)["type"] for body in server.bodies]
    assert kinds == ["run", *["frame"] * 4, "event", *["frame"] * 16]
    assert server.frames == list(range(20))
    assert {h["content-type"] for h in server.headers} == {"application/json"}
    assert len({h["idempotency-key"] for h in server.headers}) == 22
    assert sink.sent == 22


def test_only_frames_in_which_something_happened() -> None:
    with Server().running() as server:
        own, theirs = WebhookSink(server.url, events_only=True), WebhookSink(server.url, Numbers(), events_only=True)
        for sink in (own, theirs):
            sink.open(INFO)
            for i in range(5):
                sink.write(result(i, happened=i == 3))
            sink.close()
    assert [json.loads(body)["type"] if i == 0 else body for i, body in enumerate(server.bodies)] == ["event", "3"]


@pytest.mark.parametrize("form", ["array", "ndjson"])
def test_batches(form: str) -> None:
    with Server().running() as server:
        sink = WebhookSink(server.url, Numbers(), batch=8, form=form, wait_s=0.1)  # type: ignore[arg-type]
        sink.open(INFO)
        for i in range(20):
            sink.write(result(i))
        sink.close()
    got = [json.loads(b) if form == "array" else list(map(int, b.split())) for b in server.bodies]
    assert [number for batch in got for number in batch] == list(range(20))
    assert max(map(len, got)) <= 8
    assert server.headers[0]["content-type"] == ("application/json" if form == "array" else "application/x-ndjson")


def test_what_fails_is_sent_again_until_it_is_taken() -> None:
    def answer(n: int) -> tuple[int, dict[str, str]]:
        return (500, {}) if n in (2, 3) else (429, {"Retry-After": "0.01"}) if n == 5 else (200, {})

    with Server(answer).running() as server:
        sink = WebhookSink(server.url, Numbers(), pause_s=0.02)
        sink.open(INFO)
        for i in range(6):
            sink.write(result(i))
        sink.close()
    assert server.taken == [str(i) for i in range(6)]
    assert server.bodies == ["0", "1", "1", "1", "2", "2", "3", "4", "5"]


def test_a_refusal_costs_that_message_and_is_told() -> None:
    with Server(lambda n: (400, {}) if n == 2 else (200, {})).running() as server:
        sink = WebhookSink(server.url, Numbers())
        sink.open(INFO)
        for i in range(4):
            sink.write(result(i))
        with pytest.raises(OutputError, match=r"of 4 messages 1 refused; the server answers 400"):
            sink.close()
    assert server.taken == ["0", "2", "3"]


def test_a_redirect_is_not_followed_silently() -> None:
    with Server(lambda _: (302, {"Location": "http://elsewhere/"})).running() as server:
        sink = WebhookSink(server.url, Numbers())
        sink.open(INFO)
        sink.write(result(0))
        with pytest.raises(OutputError, match="redirects"):
            sink.close()


def test_a_server_that_goes_down_and_comes_back_misses_nothing() -> None:
    server = Server()
    with server.running():
        sink = WebhookSink(server.url, Numbers(), pause_s=0.05)
        sink.open(INFO)
        for i in range(5):
            sink.write(result(i))
        wait_for(lambda: len(server.taken) == 5)
    for i in range(5, 10):
        sink.write(result(i))
    time.sleep(0.2)
    with server.running():
        for i in range(10, 15):
            sink.write(result(i))
        sink.close()
    assert server.taken == [str(i) for i in range(15)]


def test_without_a_server_the_oldest_go_and_all_is_told() -> None:
    sink = WebhookSink(f"http://me:secret@127.0.0.1:{closed_port()}/key123?sig=abc", Numbers(), queue=10, close_s=0.1)
    sink.open(INFO)
    began = time.monotonic()
    for i in range(50):
        sink.write(result(i))
    with pytest.raises(OutputError) as raised:
        sink.close()
    assert time.monotonic() - began < 5
    said = str(raised.value)
    assert "of 50 messages 10 not sent, 40 dropped while it was down; Connection refused" in said
    assert not any(secret in said for secret in ("secret", "key123", "abc", "me:"))


def test_a_recording_waits_for_a_slow_server_and_a_live_stream_does_not() -> None:
    for live in (False, True):
        with Server(slow_s=0.01).running() as server:
            sink = WebhookSink(server.url, Numbers(), queue=3, close_s=5)
            sink.open(INFO)
            for i in range(30):
                sink.write(result(i, replace(STREAM, live=live)))
            if live:
                with pytest.raises(OutputError, match="dropped"):
                    sink.close()
                assert len(server.taken) < 30
            else:
                sink.close()
                assert server.taken == [str(i) for i in range(30)]


def test_a_server_that_never_answers_ends_with_the_run() -> None:
    with Server(slow_s=30).running() as server:
        sink = WebhookSink(server.url, Numbers(), close_s=0.2, timeout_s=20)
        sink.open(INFO)
        sink.write(result(0))
        wait_for(lambda: bool(server.bodies))
        began = time.monotonic()
        with pytest.raises(OutputError, match="1 not sent"):
            sink.close()
        assert time.monotonic() - began < 4


def test_the_spool_keeps_for_the_next_run_what_this_one_could_not_send(tmp_path: Path) -> None:
    spool, port = tmp_path / "spool", closed_port()
    for first in (0, 10):
        sink = WebhookSink(f"http://127.0.0.1:{port}/", Numbers(), spool=str(spool), close_s=0.1, queue=2)
        sink.open(INFO)
        for i in range(first, first + 10):
            sink.write(result(i))
        sink.close()
        assert f"{first + 10} messages wait in" in sink.notes[0]
    server = Server(port=port)
    with server.running():
        sink = WebhookSink(server.url, Numbers(), spool=str(spool))
        sink.open(INFO)
        for i in range(20, 25):
            sink.write(result(i))
        sink.close()
    assert server.taken == [str(i) for i in range(25)]
    assert list(spool.iterdir()) == []
    assert sink.notes == []


def test_secrets_come_from_the_environment_and_from_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "t0p")
    monkeypatch.setenv("HOOK_KEY", "k3y")
    with Server().running() as server:
        sink = WebhookSink(
            server.url, Numbers(), headers={"X-Site": "yard"}, token_env="HOOK_TOKEN", headers_env={"X-Key": "HOOK_KEY"}
        )
        sink.open(INFO)
        sink.write(result(0))
        sink.close()
        basic = WebhookSink(server.url.replace("//", "//us%40er:pa%3Ass@"), Numbers())
        basic.open(INFO)
        basic.write(result(0))
        basic.close()
    sent = server.headers[0]
    assert (sent["authorization"], sent["x-key"], sent["x-site"]) == ("Bearer t0p", "k3y", "yard")
    assert server.headers[1]["authorization"] == "Basic dXNAZXI6cGE6c3M="  # us@er:pa:ss
    assert "t0p" not in repr(sink)
    assert "k3y" not in repr(sink)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "ftp://x/"}, "expected http"),
        ({"url": "http://user:pw@/x"}, "expected http"),
        ({"url": "http://h:99999/"}, "not an address|expected http"),
        ({"url": "http://h/a b"}, "expected http"),
        ({"token_env": "SURELY_NOT_SET"}, "SURELY_NOT_SET is not set"),
        ({"headers": {"X-A": "a\r\nEvil: 1"}}, "characters"),
        ({"headers": {"X A": "a"}}, "not the name of a header"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(options: dict[str, Any], said: str) -> None:
    sink = WebhookSink(**{"url": "http://127.0.0.1:1/", **options})
    with pytest.raises(UsageError, match=said) as raised:
        sink.open(INFO)
    assert "pw" not in str(raised.value)
    sink.close()


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"queue": 0}, {"timeout_s": 0.0}, {"pause_s": float("nan")}])
def test_options_have_bounds(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        WebhookSink("http://h/", **wrong)


def test_the_memory_lets_go_only_of_what_is_not_being_sent() -> None:
    box = MemoryOutbox(3)
    assert [box.put(str(i)) for i in range(3)] == [True] * 3
    assert box.head(1) == ["0"]
    assert not box.put("3")
    box.done(1)
    assert box.head(9) == ["2", "3"]
    assert not (box.put("4") and box.put("5"))
    assert box.dropped == 2


def test_the_spool_survives_odd_files_half_lines_and_its_own_limit(tmp_path: Path) -> None:
    (tmp_path / "000000000007.jsonl").write_text("a\nb\nhalf of a li")
    (tmp_path / "note.txt").write_text("mine")
    box = SpoolOutbox(tmp_path, 1 << 20)
    box.open()
    assert box.head(5) == ["a", "b"]
    assert box.put("c\nd")
    box.done(1)
    box.close()
    again = SpoolOutbox(tmp_path, 1 << 20)
    again.open()
    assert len(again) == 2
    assert again.head(1) == ["b"]
    again.done(1)
    assert again.head(1) == ["c d"]
    again.done(1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["note.txt"]
    again.close()


def test_the_spool_drops_its_oldest_file_when_there_are_too_many(tmp_path: Path) -> None:
    box = SpoolOutbox(tmp_path, most_bytes=50, file_bytes=20)
    box.open()
    kept = [box.put(f"message{i}") for i in range(8)]  # 9 bytes each, two a file
    assert kept == [True] * 5 + [False, True, False]
    assert box.dropped == 4
    assert len(box) == 4
    box.close()
    again = SpoolOutbox(tmp_path, 1 << 20)
    again.open()
    got: list[str] = []
    while lines := again.head(10):
        got += lines
        again.done(len(lines))
    assert got == [f"message{i}" for i in range(4, 8)]
    assert list(tmp_path.iterdir()) == []


def test_a_spool_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be used"):
        WebhookSink("http://127.0.0.1:1/", Numbers(), spool=str(tmp_path / "file" / "x")).open(INFO)
    with pytest.raises(ValueError, match="before open"):
        WebhookSink("http://127.0.0.1:1/").write(result(0))
