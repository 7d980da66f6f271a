"""The live view, by real HTTP clients: who is let in, what they see, and that nobody is held up or worked for."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sightline.errors import OutputError
from sightline.models.infer import Model
from sightline.pictures import rgb
from sightline.pipeline.lane import Lane
from sightline.pipeline.run import Pipeline
from sightline.protocols import RunInfo, Sink, StageInfo
from sightline.sinks.show import ShowSink, ShowStream
from sightline.sinks.show_picture import jpeg_of
from sightline.sinks.show_server import ShowServer
from sightline.testing import BrightBoxHead, FakeRuntime, MemorySink, MovingBoxes, spec_of
from sightline.types import (
    ColorMatrix,
    Detections,
    Event,
    Frame,
    FrameResult,
    Instant,
    Picture,
    PixelLayout,
    Prediction,
    StreamInfo,
)

TOKEN = "0123456789abcdef"
MODELS = (StageInfo("model", "Tiny <b>net</b>", "", "fake", "f32", 0.5, 0.5, ("cat",)),)


def stream_of(name: str, live: bool = False) -> StreamInfo:
    return StreamInfo(name, 64, 48, Fraction(1, 25), Fraction(25), live=live)


def result(name: str, k: int, **fields: Any) -> FrameResult:
    info = stream_of(name)
    boxes = np.array([[1, 1, 9, 9], [20, 20, 30, 30]], np.float32)
    found = Detections(boxes, np.array([0.9, 0.8], np.float32), np.array([0, 1], np.int32), ("cat", "dog"))
    return FrameResult(Frame(info, k, Instant(k, info.base), None, 64, 48), Prediction(found), **fields)


def picture(level: int, w: int = 64, h: int = 48) -> Picture:
    half = (h // 2, w // 2)
    planes = np.full((h, w), level, np.uint8), np.full(half, 128, np.uint8), np.full(half, 128, np.uint8)
    return Picture(planes, PixelLayout.I420, ColorMatrix.BT601)


@contextlib.contextmanager
def showing(*names: str, **options: Any) -> Iterator[tuple[ShowSink, list[ShowStream]]]:
    show = ShowSink(token=TOKEN, quiet=True, **options)
    own = [show.of_stream(name) for name in names or ("a",)]
    show.open(RunInfo(MODELS, tuple(stream_of(name) for name in names or ("a",))))
    try:
        yield show, own
    finally:
        show.close()


@contextlib.contextmanager
def running(own: list[ShowStream]) -> Iterator[list[int]]:
    """A thread that plays the pipeline: a picture wherever one is wanted. Gives [frames, pictures made]."""
    made, stop = [0, 0], threading.Event()

    def play() -> None:
        while not stop.wait(0.01):
            for sink in own:
                wanted = sink.wants_picture
                made[1] += wanted
                k = made[0] // len(own)
                sink.write(result(sink.screen.id, k), picture(k * 8 % 200 + 30) if wanted else None)
                made[0] += 1

    thread = threading.Thread(target=play)
    thread.start()
    try:
        yield made
    finally:
        stop.set()
        thread.join()


def port_of(show: ShowSink) -> int:
    return int(show.address.split(":")[2].split("/")[0])


def ask(
    show: ShowSink, path: str = "/", method: str = "GET", host: str = "", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(show), timeout=10)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, headers={"Host": host or f"127.0.0.1:{port_of(show)}", **sent})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


BEARER = {"Authorization": f"Bearer {TOKEN}"}


@contextlib.contextmanager
def watching(show: ShowSink, path: str = "/live") -> Iterator[Callable[[], tuple[str, bytes]]]:
    """A viewer: each call gives the next message, ("", b"") at the end."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(show), timeout=10)
    connection.request("GET", path, headers=BEARER)
    answer = connection.getresponse()
    assert answer.status == 200

    def message() -> tuple[str, bytes]:
        head = answer.read(4)
        if len(head) < 4:
            return "", b""
        body = answer.read(struct.unpack(">I", head)[0])
        return chr(body[0]), body[1:]

    try:
        yield message
    finally:
        answer.close()
        connection.close()


def until(message: Callable[[], tuple[str, bytes]], letter: str) -> bytes:
    for _ in range(1000):
        got, body = message()
        if got == letter:
            return body
        assert got, f"the end came before {letter!r}"
    raise AssertionError(f"no {letter!r} in 1000 messages")


def grey_of(jpeg: bytes) -> tuple[float, tuple[int, ...]]:
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return float(pixels.mean()), pixels.shape


# -- the door ----------------------------------------------------------------------------------------------------------


def test_it_is_a_sink_of_sinks() -> None:
    show = ShowSink()
    assert isinstance(show, Sink)
    assert isinstance(show.of_stream("a"), Sink)
    assert not show.wants_picture
    assert show.address == ""
    show.close()


def test_the_address_is_printed_once_with_a_token_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    for _ in range(2):
        show = ShowSink()
        show.open(RunInfo((), ()))
        show.open(RunInfo((), ()))
        show.close()
        said.append(capsys.readouterr().err)
    for line in said:
        assert re.fullmatch(r"watch at http://127\.0\.0\.1:\d+/\?token=[0-9a-f]{32}\n", line)
    assert said[0].split("token=")[1] != said[1].split("token=")[1]


@pytest.mark.parametrize(
    "path", ["/", "/live", "/facts", "/page.js", "/page.css", "/stream/0.jpg", "/stream/0.mjpg", "/x"]
)
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Cookie": "sightline=wrong"}, {"Authorization": f"Basic {TOKEN}"},
     {"Authorization": "Bearer ümläut"}, {"Cookie": "a=b=c; ;;=\""}],
)  # fmt: skip
def test_nobody_sees_anything_without_the_token(path: str, headers: dict[str, str]) -> None:
    with showing() as (show, _):
        encoded = {k: v.encode().decode("latin-1") for k, v in headers.items()}
        for query in ("", "?token=", f"?token={TOKEN[:-1]}", f"?token={TOKEN}x", "?token=%FF%FE"):
            status, _, body = ask(show, path + query, **encoded)
            assert status == 401
            assert len(body) < 100
            assert b"cat" not in body


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_there_is_only_something_to_see(method: str) -> None:
    with showing() as (show, _):
        assert ask(show, "/facts", method)[0] == 401
        assert ask(show, "/facts", method, **BEARER)[0] == 405


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1", 200), ("localhost:1", 200), ("LOCALHOST", 200), ("[::1]:80", 200), ("evil.example", 403),
     ("127.0.0.1.evil.example", 403), ("evil.example:80", 403), ("localhost.", 403), ("[", 403), ("192.168.1.4", 403)],
)  # fmt: skip
def test_other_names_for_this_machine_are_refused(host: str, status: int) -> None:
    with showing() as (show, _):
        assert ask(show, "/facts", host=host, **BEARER)[0] == status
        assert ask(show, f"/?token={TOKEN}", host=host)[0] == (303 if status == 200 else 403)


def test_only_this_machine_is_listened_to() -> None:
    with showing() as (show, _):
        assert show._server is not None
        assert show._server._server.socket.getsockname()[0] == "127.0.0.1"
        for address in {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}:
            if not address.startswith("127."):
                with pytest.raises(OSError):  # noqa: PT011  refused or unreachable, as the system says it
                    socket.create_connection((address, port_of(show)), timeout=2).close()


def test_it_may_listen_by_the_other_kind_of_address_or_to_all() -> None:
    for host, printed in (("::1", "[::1]"), ("0.0.0.0", "127.0.0.1"), ("localhost", "localhost")):
        show = ShowSink(host=host, quiet=True, token=TOKEN)
        try:
            show.open(RunInfo((), ()))
        except OutputError:
            assert host == "::1"  # a machine without it
            continue
        address = re.fullmatch(r"http://(.*):(\d+)/\?token=.*", show.address)
        assert address is not None
        assert address[1] == printed
        with contextlib.closing(http.client.HTTPConnection(printed.strip("[]"), int(address[2]), timeout=5)) as client:
            client.request("GET", "/facts", headers=BEARER)
            assert client.getresponse().status == 200
        show.close()
    everywhere = ShowServer(ShowSink().board, "0.0.0.0", 0, TOKEN)
    assert everywhere.is_here("192.168.1.4:80")
    assert not everywhere.is_here("evil.example")
    everywhere.close(1.0)


def test_the_token_moves_into_a_cookie_that_lets_the_page_in() -> None:
    with showing() as (show, _):
        status, headers, _ = ask(show, f"/?token={TOKEN}")
        assert (status, headers["location"]) == (303, "/")
        cookie, *flags = [part.strip() for part in headers["set-cookie"].split(";")]
        assert set(flags) == {"Path=/", "HttpOnly", "SameSite=Lax"}
        for path, kind in (("/", "text/html"), ("/page.js", "text/javascript"), ("/page.css", "text/css")):
            status, headers, body = ask(show, path, Cookie=f"other=1; {cookie}")
            assert (status, headers["content-type"].split(";")[0]) == (200, kind)
            assert len(body) > 500
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
            assert "unsafe" not in policy
            assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
            assert headers["cache-control"] == "no-store"
            assert "access-control-allow-origin" not in headers
        assert ask(show, "/?token=a%0d%0aX:y", Cookie=cookie)[0] == 200  # and no header of the asker's making


def test_the_page_needs_nothing_from_elsewhere() -> None:
    with showing() as (show, _):
        for path in ("/", "/page.js", "/page.css"):
            text = ask(show, path, **BEARER)[2].decode()
            assert not re.findall(r"https?://|src=\"//|@import|url\(", text)
            assert "innerHTML" not in text
            assert " style=" not in text
            assert "onclick" not in text


def test_requests_that_are_none_end_quietly() -> None:
    with showing() as (show, _):
        for raw in (b"", b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n",
                    b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n", b"GET //[ HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    b"GET /?" + b"a=1&" * 50 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"):  # fmt: skip
            with socket.create_connection(("127.0.0.1", port_of(show)), timeout=5) as sock:
                sock.sendall(raw)
                sock.shutdown(socket.SHUT_WR)
                with contextlib.suppress(OSError):
                    assert b"200 OK" not in sock.recv(1000)
        assert ask(show, "/facts", **BEARER)[0] == 200
    assert show.notes == []


def test_too_many_viewers_are_turned_away_and_room_comes_back() -> None:
    with showing() as (show, _):
        held = [socket.create_connection(("127.0.0.1", port_of(show))) for _ in range(70)]
        time.sleep(0.2)
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(show, "/facts", **BEARER)
        for sock in held:
            sock.close()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if ask(show, "/facts", **BEARER)[0] == 200:
                    return
        raise AssertionError("the door stayed shut")


# -- what is seen ------------------------------------------------------------------------------------------------------


def test_facts_say_what_runs_what_is_seen_and_what_happened() -> None:
    with showing("a", "b") as (show, _):
        event = Event("id", "line.crossed", "gate", "a", 3, Instant(3, Fraction(1, 25)), 7, "cat", {"secret": 1})
        for k in range(5):
            events = (event,) if k == 3 else ()
            show.write(result("a", k, events=events, counts={"gate": {"in": {"cat": k}}}), None)
        status, headers, body = ask(show, "/facts", **BEARER)
        facts = json.loads(body)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert [(s["id"], s["frames"], s["width"]) for s in facts["streams"]] == [("a", 5, 64), ("b", 0, 64)]
    assert facts["streams"][0]["objects"] == {"cat": 1, "dog": 1}
    assert facts["streams"][0]["counts"] == {"gate": {"in": {"cat": 4}}}
    assert facts["streams"][0]["at"] == pytest.approx(0.16)
    assert facts["models"] == [{"stage": "model", "name": "Tiny <b>net</b>", "runtime": "fake"}]
    wanted = {"stream": "a", "kind": "line.crossed", "rule": "gate", "label": "cat", "track": 7}
    assert {key: facts["events"][0][key] for key in wanted} == wanted
    assert not facts["ended"]


def test_pictures_move_and_facts_come_along_and_the_end_is_said() -> None:
    with showing("a", "b", fps=60) as (show, own), watching(show) as message:
        with running(own):
            seen: dict[int, set[int]] = {0: set(), 1: set()}
            while min(map(len, seen.values())) < 4:
                letter, body = message()
                if letter == "P":
                    level, shape = grey_of(body[2:])
                    assert shape == (48, 64, 3)
                    seen[struct.unpack(">H", body[:2])[0]].add(round(level))
            assert not json.loads(until(message, "F"))["ended"]
        closing = threading.Thread(target=show.close)
        closing.start()
        facts: list[dict[str, Any]] = []
        while (got := message())[0]:
            if got[0] == "F":
                facts.append(json.loads(got[1]))
        closing.join()
        assert facts[-1]["ended"]
        assert all(stream["ended"] for stream in facts[-1]["streams"])
    with pytest.raises(OSError):  # noqa: PT011  nobody listens any more
        ask(show)


def test_one_stream_alone_and_each_event_once() -> None:
    with showing("a", "b", fps=60) as (show, own), watching(show, "/live?streams=1") as message, running(own):
        numbers: list[int] = []
        for k in range(3):
            event = Event(f"{k}", "zone.entered", "yard", "a", k, Instant(k, Fraction(1, 25)))
            show.write(result("a", k, events=(event,)), None)
            numbers += [e["number"] for e in json.loads(until(message, "F"))["events"]]
            for _ in range(4):
                letter, body = message()
                assert letter != "P" or struct.unpack(">H", body[:2])[0] == 1
        assert not own[0].wants_picture
        for _ in range(3):
            numbers += [e["number"] for e in json.loads(until(message, "F"))["events"]]
    assert numbers == [1, 2, 3]


def test_a_stream_that_joins_is_shown_to_who_watches_already() -> None:
    with showing("a", fps=60) as (show, own), watching(show) as message, running(own):
        until(message, "P")
        late = show.of_stream("late")
        show.open(RunInfo(MODELS, (stream_of("a"), stream_of("late"))))
        with running([late]):
            for _ in range(500):
                letter, body = message()
                if letter == "P" and struct.unpack(">H", body[:2])[0] == 1:
                    return
    raise AssertionError("the second stream never came")


def test_single_pictures_and_motion_jpeg() -> None:
    with showing("a", fps=60) as (show, own), running(own):
        status, headers, body = ask(show, f"/stream/0.jpg?token={TOKEN}")
        assert (status, headers["content-type"]) == (200, "image/jpeg")
        assert 10 < grey_of(body)[0] < 240
        connection = http.client.HTTPConnection("127.0.0.1", port_of(show), timeout=10)
        connection.request("GET", "/stream/0.mjpg", headers=BEARER)
        answer = connection.getresponse()
        assert answer.getheader("Content-Type") == "multipart/x-mixed-replace; boundary=picture"
        for _ in range(3):
            assert answer.readline() == b"--picture\r\n"
            assert answer.readline() == b"Content-Type: image/jpeg\r\n"
            size = int(answer.readline().split()[1])
            assert answer.readline() == b"\r\n"
            grey_of(answer.read(size))
            assert answer.readline() == b"\r\n"
        connection.close()
        for path in ("/stream/1.jpg", "/stream/x.jpg", "/stream/0.png", "/stream/", "/page.py", "/../show.py"):
            assert ask(show, path, **BEARER)[0] == 404


# -- what it costs -----------------------------------------------------------------------------------------------------


def test_nothing_is_made_while_nobody_watches() -> None:
    with showing("a", fps=60) as (show, own), running(own) as made:
        time.sleep(0.3)
        assert made[0] > 5
        assert made[1] == 0
        with watching(show) as message:
            until(message, "P")
        deadline = time.monotonic() + 5
        while own[0].screen.watchers and time.monotonic() < deadline:
            time.sleep(0.01)
        before = made[1]
        time.sleep(0.3)
        assert made[1] == before > 0


def test_pictures_are_bounded_in_number_and_size() -> None:
    with showing("a", "b", fps=5, width=64) as (show, own), watching(show) as message, running(own) as made:
        until(message, "P")
        began, before = time.monotonic(), made[1]
        time.sleep(1.0)
        most = (time.monotonic() - began) * 5 * 2 + 4
        assert made[1] - before <= most
    big = picture(120, 1920, 1080)
    assert grey_of(jpeg_of(big, 640, 80))[1] == (360, 640, 3)
    assert grey_of(jpeg_of(picture(120), 640, 80))[1] == (48, 64, 3)
    still = Picture((np.full((301, 501, 3), (200, 100, 50), np.uint8),), PixelLayout.RGB)
    level, shape = grey_of(jpeg_of(still, 250, 95))
    assert shape == (150, 250, 3)
    assert abs(level - 350 / 3) < 2


def test_a_viewer_that_takes_nothing_holds_nobody_up() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (720, 1280), dtype=np.uint8)
    half = np.full((360, 640), 128, np.uint8)
    busy = Picture((noise, half, half), PixelLayout.I420)
    with showing("a", fps=60) as (show, own), socket.create_connection(("127.0.0.1", port_of(show))) as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.sendall(f"GET /live?token={TOKEN} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        while not own[0].screen.watchers:
            time.sleep(0.01)
        longest = 0.0
        with watching(show) as message:
            for k in range(40):
                began = time.monotonic()
                own[0].write(result("a", k), busy)
                longest = max(longest, time.monotonic() - began)
                if k % 4 == 0:
                    until(message, "P")  # the other viewer goes on
        assert longest < 1.0
        began = time.monotonic()
        show.close()
        assert time.monotonic() - began < 8.0  # two seconds, and room for a slow machine


def test_files_are_held_to_their_own_pace_where_asked() -> None:
    with showing("a", pace=True) as (_, own):
        began = time.monotonic()
        for k in range(8):
            own[0].write(result("a", k), None)
        assert time.monotonic() - began >= 7 / 25 - 0.01
    with showing("a") as (_, own):
        began = time.monotonic()
        for k in range(1000):
            own[0].write(result("a", k), None)
        assert time.monotonic() - began < 30  # not 40


@pytest.mark.parametrize("matrix", list(ColorMatrix))
def test_colours_are_those_of_the_stream(matrix: ColorMatrix) -> None:
    half = np.full((24, 32), 90, np.uint8), np.full((24, 32), 180, np.uint8)
    shown = Picture((np.full((48, 64), 120, np.uint8), *half), PixelLayout.I420, matrix)
    pixels = cv2.imdecode(np.frombuffer(jpeg_of(shown, 64, 95), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert np.abs(pixels[..., ::-1].astype(int) - rgb(shown)).max() <= 5


# -- in a pipeline -----------------------------------------------------------------------------------------------------


def test_a_pipeline_shows_what_it_sees_to_who_watches_and_its_other_sinks_miss_nothing(tmp_path: Path) -> None:
    show = ShowSink(token=TOKEN, quiet=True, fps=60)
    sources = [MovingBoxes(name, count=60, pace_s=0.01) for name in ("a", "b")]
    kept = {source.id: MemorySink(wants_picture=source.id == "a") for source in sources}
    lanes = [Lane(s, own_sinks=[kept[s.id], show.of_stream(s.id)]) for s in sources]
    pipeline = Pipeline(Model("model", spec_of(), tmp_path, BrightBoxHead(), FakeRuntime()), lanes, shared_sinks=[show])
    seen: dict[int, int] = {0: 0, 1: 0}
    ended: list[bool] = []

    def watch() -> None:
        with watching(show) as message:
            while (got := message())[0]:
                if got[0] == "P":
                    seen[struct.unpack(">H", got[1][:2])[0]] += 1
                else:
                    ended.append(json.loads(got[1])["ended"])

    viewer = threading.Thread(target=watch)
    for number, _ in enumerate(pipeline.results()):
        if number == 0:
            viewer.start()
    viewer.join()
    assert min(seen.values()) > 3
    assert ended[-1]
    assert [len(sink.results) for sink in kept.values()] == [60, 60]
    assert all(p is not None for p in kept["a"].pictures)


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{"port": -1}, {"port": 70000}, {"token": "short"}, {"token": "with spaces and 16"}, {"token": "ü" * 20},
     {"width": 3}, {"fps": 0}, {"fps": 1000}, {"quality": 0}],
)  # fmt: skip
def test_what_cannot_be_is_said(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        ShowSink(**options)


def test_a_taken_port_and_a_strange_host_are_said() -> None:
    with showing() as (show, _):
        second = ShowSink(port=port_of(show), quiet=True)
        with pytest.raises(OutputError, match=f"port {port_of(show)}.*port 0 takes any"):
            second.open(RunInfo((), ()))
        second.close()
    with pytest.raises(OutputError, match=r"no\.such\.host"):
        ShowSink(host="no.such.host.invalid", quiet=True).open(RunInfo((), ()))
