"""Live inputs: found, refused, guarded, lost and found again, silent, stopped. And files behind http."""

from __future__ import annotations

import contextlib
import functools
import http.server
import itertools
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from clips import decoded_pts, write_clip

from sightline.errors import StreamError
from sightline.sources.media import MediaSource
from sightline.sources.opening import HopelessError
from sightline.sources.reconnect import Backoff

SERVER = Path(__file__).parent.parent / "servers" / "rtsp.py"
PYTHON = "/usr/bin/python3"
NEEDS = (
    "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst, GstRtspServer; "
    "Gst.init(None); assert Gst.ElementFactory.find('x264enc')"
)


def served() -> bool:
    if not Path(PYTHON).exists():
        return False
    return subprocess.run([PYTHON, "-c", NEEDS], capture_output=True, check=False).returncode == 0


needs_server = pytest.mark.skipif(
    not served(), reason="GStreamer's RTSP server (gir1.2-gst-rtsp-server-1.0, x264enc) is not installed"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def rtsp_server(port: int) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([PYTHON, str(SERVER), str(port)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    port = free_port()
    with rtsp_server(port):
        yield port


@needs_server
def test_a_camera_is_live_and_timed(server: int) -> None:
    before = threading.active_count()
    source = MediaSource(f"rtsp://127.0.0.1:{server}/cam", max_frames=40)
    assert source.live
    frames = [f.without_picture() for f in source.frames()]
    assert [f.index for f in frames] == list(range(40))
    info = frames[0].stream
    assert (info.id, info.width, info.height, info.live, info.timed) == ("cam", 160, 120, True, True)
    times = [f.at.seconds for f in frames]
    # The first has no pts yet: its time is counted back from the second.
    steps = [b - a for a, b in itertools.pairwise(times) if a is not None and b is not None]
    assert len(steps) == 39
    assert steps == [pytest.approx(0.04, abs=0.002)] * 39
    assert threading.active_count() == before


@needs_server
def test_the_right_password_opens_and_the_wrong_one_is_named(server: int) -> None:
    address = f"127.0.0.1:{server}/secret"
    right = MediaSource(f"rtsp://eve:sesame@{address}", max_frames=2)
    assert len(list(right.frames())) == 2
    began = time.monotonic()
    for user in ("eve:wr0ng@", ""):
        with pytest.raises(HopelessError, match=r"127\.0\.0\.1.*/secret: wrong user name or password") as caught:
            list(MediaSource(f"rtsp://{user}{address}").frames())
        assert "wr0ng" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.exit_code == 1
    assert time.monotonic() - began < 5  # not asked again for 15 s: cameras lock accounts


@needs_server
def test_nothing_there(server: int) -> None:
    with pytest.raises(HopelessError, match=r"/attic: the server has nothing there"):
        list(MediaSource(f"rtsp://127.0.0.1:{server}/attic").frames())


@needs_server
def test_a_server_that_dies_and_returns_is_found_again() -> None:
    port = free_port()
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(rtsp_server(port))
        source = MediaSource(f"rtsp://127.0.0.1:{port}/cam", read_timeout_s=2)
        frames = source.frames()
        before = [next(frames).without_picture() for _ in range(30)]
        first.kill()
        first.wait()
        stack.enter_context(rtsp_server(port))
        after = [f.without_picture() for f in (next(frames) for _ in range(60)) if f.at.epoch]
        assert after
        assert {f.at.epoch for f in before} == {0}
        assert {f.at.epoch for f in after} == {1}
        assert after[0].index >= 30
        assert source.stats.reconnects == 1
        assert source.stats.gap_s > 0.9
        assert after[0].stream.id == before[0].stream.id
        frames.close()  # type: ignore[attr-defined]


@needs_server
def test_a_silent_camera_is_lost_then_found() -> None:
    port = free_port()
    with rtsp_server(port) as process:
        source = MediaSource(f"rtsp://127.0.0.1:{port}/cam", read_timeout_s=2)
        frames = source.frames()
        for _ in range(30):
            next(frames)
        process.send_signal(signal.SIGSTOP)
        waker = threading.Timer(4, process.send_signal, [signal.SIGCONT])
        waker.start()
        epochs = [next(frames).at.epoch for _ in range(60)]
        waker.join()
        assert epochs[-1] == 1
        assert source.stats.reconnects == 1
        frames.close()  # type: ignore[attr-defined]


@needs_server
def test_a_short_silence_is_no_loss() -> None:
    port = free_port()
    with rtsp_server(port) as process:
        source = MediaSource(f"rtsp://127.0.0.1:{port}/cam", read_timeout_s=20)
        frames = source.frames()
        for _ in range(30):
            next(frames)
        process.send_signal(signal.SIGSTOP)
        waker = threading.Timer(2.5, process.send_signal, [signal.SIGCONT])
        waker.start()
        found = [next(frames).without_picture() for _ in range(60)]
        waker.join()
        assert {f.at.epoch for f in found} == {0}
        seconds = [f.at.seconds or 0.0 for f in found]
        assert seconds == sorted(seconds)
        frames.close()  # type: ignore[attr-defined]


@needs_server
def test_stop_ends_a_wait_for_a_silent_camera() -> None:
    port = free_port()
    with rtsp_server(port) as process:
        source = MediaSource(f"rtsp://127.0.0.1:{port}/cam", read_timeout_s=60)
        frames = source.frames()
        for _ in range(30):
            next(frames)
        process.send_signal(signal.SIGSTOP)
        threading.Timer(0.3, source.stop).start()
        began = time.monotonic()
        assert len(list(frames)) <= 30
        assert time.monotonic() - began < 10  # far from the 60 s of its deadline


def test_a_refused_port_is_given_up_in_time() -> None:
    address = f"127.0.0.1:{free_port()}"
    for url in (f"rtsp://user:pass@{address}/x", f"http://user:pass@{address}/x", f"tcp://{address}"):
        source = MediaSource(url, connect_timeout_s=1.2)
        began = time.monotonic()
        with pytest.raises(StreamError, match=r"127\.0\.0\.1.*connection refused.*given up after 1\.2 s") as caught:
            next(source.frames())
        assert time.monotonic() - began < 8  # not the default of 15
        assert "pass@" not in str(caught.value)
        assert "user" not in str(caught.value)


def test_a_port_that_never_answers_is_given_up_and_can_be_stopped() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        port = silent.getsockname()[1]
        with pytest.raises(StreamError, match=r"no answer in time; given up"):
            next(MediaSource(f"rtsp://127.0.0.1:{port}/x", connect_timeout_s=1.5).frames())
    source = MediaSource(f"rtsp://127.0.0.1:{port}/x", connect_timeout_s=60)
    threading.Timer(0.4, source.stop).start()
    began = time.monotonic()
    assert list(source.frames()) == []  # refused by now: it waits between two attempts
    assert time.monotonic() - began < 10


def test_an_unknown_host() -> None:
    with pytest.raises(StreamError, match=r"no-such-host\.invalid"):
        next(MediaSource("rtsp://u:p@no-such-host.invalid/x", connect_timeout_s=0.6).frames())


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without a log. `/endless.ts` never tells its length and is cut off after its content."""

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.startswith("/endless"):
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write((Path(self.directory) / "clip.ts").read_bytes())
        elif self.path.startswith("/guarded"):
            self.send_error(401)
        else:
            super().do_GET()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    handler = functools.partial(Quiet, directory=os.fspath(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", tmp_path
        server.shutdown()
        thread.join()


def test_a_file_behind_http_is_a_file(web: tuple[str, Path]) -> None:
    host, folder = web
    path = write_clip(folder / "clip.mp4")
    source = MediaSource(f"http://{host}/clip.mp4?token=secret")
    frames = [f.without_picture() for f in source.frames()]
    assert [f.at.pts for f in frames] == decoded_pts(path)
    assert not frames[0].stream.live
    assert not source.live
    assert frames[0].stream.id == "clip.mp4"


def test_an_endless_one_is_live_and_connected_anew(web: tuple[str, Path]) -> None:
    host, folder = web
    write_clip(folder / "clip.ts")
    source = MediaSource(f"http://{host}/endless", read_timeout_s=2, max_frames=30)
    frames = [f.without_picture() for f in source.frames()]
    assert all(f.stream.live for f in frames)
    assert [f.at.epoch for f in frames] == [0] * 20 + [1] * 10
    assert source.live


def test_what_http_answers_is_said_in_words(web: tuple[str, Path]) -> None:
    host, folder = web
    (folder / "page.html").write_text("<html>no video</html>" * 40)
    for path, words in {
        "guarded": "wrong user name or password",
        "gone.mp4": "nothing there",
        "page.html": "not a video",
    }.items():
        with pytest.raises(HopelessError, match=rf"{path}: .*{words}") as caught:
            next(MediaSource(f"http://u:pw@{host}/{path}").frames())
        assert "pw" not in str(caught.value)


def test_backoff_doubles_to_its_bound_and_starts_afresh() -> None:
    backoff = Backoff()
    assert [backoff.next_delay_s() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    backoff.reset()
    assert [backoff.next_delay_s() for _ in range(2)] == [1, 2]
