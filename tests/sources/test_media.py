"""Files of every kind give every picture with the container's own time; the bad ones say what is wrong."""

from __future__ import annotations

import gc
import itertools
import os
import random
import threading
import time
import wave
from fractions import Fraction
from pathlib import Path

import av
import av.error
import pytest
from av.video.stream import VideoStream
from clips import decoded_pts, painted, write_clip

from sightline.errors import InputError
from sightline.protocols import Source
from sightline.sources.media import MediaSource
from sightline.types import Frame

ASSETS = os.environ.get("SIGHTLINE_ASSETS")


def play(path: Path | str, **options: object) -> list[Frame]:
    """All frames, their pictures let go."""
    return [frame.without_picture() for frame in MediaSource(str(path), **options).frames()]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "plain.mp4", wh=(160, 120))


def test_is_a_source_and_touches_nothing_when_made() -> None:
    source = MediaSource("/nowhere/at all.mp4")
    assert isinstance(source, Source)
    assert (source.id, source.live) == ("at all.mp4", False)
    with pytest.raises(InputError, match=r"at all\.mp4"):
        next(source.frames())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("even.mp4", {}),
        ("vfr.mp4", {"pts": (0, 512, 600, 4000, 4001, 9000), "options": {"bf": "0"}}),
        ("b.mkv", {"pts": tuple(range(0, 2000, 40)), "base": Fraction(1, 1000), "options": {"bf": "3"}}),
        ("late.mp4", {"pts": tuple(range(12800, 25600, 512))}),
        ("odd.webm", {"wh": (65, 49), "codec": "libvpx-vp9", "base": Fraction(1, 1000), "pts": (0, 40, 81, 300)}),
        ("deep.mkv", {"codec": "libx265", "pixel_format": "yuv420p10le", "options": {"x265-params": "log-level=none"}}),
        ("same.avi", {"codec": "mpeg4", "base": Fraction(1, 25), "pts": tuple(range(9))}),
        ("pictures.mkv", {"codec": "mjpeg", "pixel_format": "yuvj422p", "base": Fraction(1, 25), "pts": (0, 1, 2, 9)}),
        ("wide.ts", {"base": Fraction(1, 90000), "pts": tuple(range(0, 90000, 3600))}),
    ],
)
def test_every_picture_with_its_own_time(tmp_path: Path, name: str, options: dict[str, object]) -> None:
    path = write_clip(tmp_path / name, **options)  # type: ignore[arg-type]
    frames = play(path)
    assert [f.at.pts for f in frames] == decoded_pts(path)
    assert [f.index for f in frames] == list(range(len(frames)))
    info = frames[0].stream
    assert all(f.stream is info for f in frames)
    assert info.timed
    assert not info.live
    with av.open(str(path)) as container:
        assert info.base == container.streams.video[0].time_base
        assert (info.width, info.height) == (container.streams.video[0].width, container.streams.video[0].height)
    assert len(frames) == len(options.get("pts", range(20)))  # type: ignore[arg-type]


def test_negative_times_stay_negative(tmp_path: Path) -> None:
    # The 33-bit clock of a transport stream wraps soon after: FFmpeg lets such a stream begin below zero.
    begin = 2**33 - 180000
    path = write_clip(tmp_path / "negative.ts", pts=tuple(range(begin, begin + 72000, 3600)), base=Fraction(1, 90000))
    frames = play(path)
    assert [f.at.pts for f in frames] == decoded_pts(path)
    assert frames[0].at.pts is not None
    assert frames[0].at.pts < 0
    assert frames[0].at.seconds == pytest.approx(frames[0].at.pts * float(frames[0].at.base))


@pytest.mark.parametrize(("codec", "name", "rate"), [("libx264", "raw.h264", 10), ("libx265", "raw.hevc", 25)])
def test_raw_streams_are_counted_by_the_rate_they_declare(tmp_path: Path, codec: str, name: str, rate: int) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    base, container = Fraction(1, rate), name.partition(".")[2]
    path = write_clip(
        tmp_path / name, codec=codec, container=container, base=base, pts=tuple(range(20)), options=options
    )
    frames = play(path)
    assert len(frames) == 20
    assert not frames[0].stream.timed
    assert frames[0].stream.rate == rate
    assert {f.at.pts for f in frames} == {None}
    assert [f.at.seconds for f in frames] == [pytest.approx(i / rate) for i in range(20)]


def test_one_untimed_picture_alone_is_still_given(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "one.h264", pts=(0,), container="h264")
    frames = play(path)
    assert [f.at.pts for f in frames] == [None]
    assert not frames[0].stream.timed


def test_sample_aspect_stretches_the_width(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "wide.mkv", wh=(72, 58), sar=Fraction(16, 11), pts=(0, 512))
    frame = next(MediaSource(str(path)).frames())
    assert (frame.width, frame.height) == (105, 58)
    assert frame.picture is not None
    assert frame.picture.upright_wh == (105, 58)
    assert frame.stream.sar == Fraction(16, 11)


def test_a_truncated_file_gives_what_it_had(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.ts", pts=tuple(range(0, 50 * 3600, 3600)), base=Fraction(1, 90000))
    data = whole.read_bytes()
    cut = tmp_path / "cut.ts"
    cut.write_bytes(data[: len(data) * 2 // 3])
    frames = play(cut)
    assert 0 < len(frames) < 50
    assert [f.at.pts for f in frames] == decoded_pts(cut)


@pytest.mark.parametrize("seed", range(4))
def test_corrupt_bytes_are_passed_over(tmp_path: Path, seed: int) -> None:
    path = write_clip(tmp_path / "hurt.mkv", pts=tuple(range(0, 2000, 40)), base=Fraction(1, 1000), wh=(160, 120))
    data = bytearray(path.read_bytes())
    rng = random.Random(seed)
    for _ in range(40):
        data[rng.randrange(1500, len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    source = MediaSource(str(path))
    frames = [f.without_picture() for f in source.frames()]
    assert [f.at.pts for f in frames] == decoded_pts(path)
    assert source.stats.frames == len(frames)
    assert source.stats.corrupt_frames == sum(f.corrupt for f in frames)


def test_packets_that_cannot_be_decoded_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "holes.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(10):
            frame = av.VideoFrame.from_ndarray(painted(i, 64, 48), format="rgb24").reformat(format="yuv420p")
            frame.pts = i
            for packet in stream.encode(frame):
                if i in (4, 5):
                    packet.update(bytes([255] * packet.size))
                out.mux(packet)
        out.mux(stream.encode(None))
    source = MediaSource(str(path))
    frames = list(source.frames())
    assert [f.at.pts for f in frames] == decoded_pts(path)
    assert source.stats.decode_errors == 2
    assert source.stats.packets == 10


def test_a_new_size_is_a_new_stream_info_of_the_same_id(tmp_path: Path) -> None:
    base, parts = Fraction(1, 90000), []
    for k, wh in enumerate([(64, 48), (96, 64), (64, 48)]):
        at = tuple(range(k * 36000, (k + 1) * 36000, 3600))
        parts.append(write_clip(tmp_path / f"{k}.ts", wh=wh, pts=at, base=base).read_bytes())
    path = tmp_path / "sizes.ts"
    path.write_bytes(b"".join(parts))
    frames = play(path)
    infos = list(dict.fromkeys(id(f.stream) for f in frames))
    assert len(infos) == 3
    assert [f.at.pts for f in frames] == decoded_pts(path)
    sizes = [(f.stream.width, f.stream.height) for f in frames]
    assert list(dict.fromkeys(sizes)) == [(64, 48), (96, 64)]
    assert {f.stream.id for f in frames} == {"sizes.ts"}
    assert all((f.width, f.height) == (f.stream.width, f.stream.height) for f in frames)
    assert {f.at.epoch for f in frames} == {0}


def test_times_that_run_back_stay_in_one_epoch(tmp_path: Path) -> None:
    base = Fraction(1, 90000)
    at = tuple(range(0, 180000, 3600))
    parts = [write_clip(tmp_path / f"{k}.ts", pts=at, base=base).read_bytes() for k in "ab"]
    path = tmp_path / "restart.ts"
    path.write_bytes(b"".join(parts))
    frames = play(path)
    times = [f.at.pts for f in frames]
    assert times == decoded_pts(path)
    assert any(b < a for a, b in itertools.pairwise(times) if a is not None and b is not None)
    assert {f.at.epoch for f in frames} == {0}
    # Its own time goes on across the restart: 2 s of the first part and 1 s of the second.
    limited = play(path, duration_s=3.0)
    assert len(frames) * 0.7 < len(limited) < len(frames) * 0.8


def test_loop_raises_the_epoch_and_counts_on(clip: Path) -> None:
    frames = play(clip, loop=True, max_frames=45)
    assert [f.index for f in frames] == list(range(45))
    assert [f.at.epoch for f in frames] == [0] * 20 + [1] * 20 + [2] * 5
    assert [f.at.pts for f in frames[20:40]] == [f.at.pts for f in frames[:20]]
    with pytest.raises(ValueError, match="epochs"):
        frames[20].at.since(frames[19].at)


def test_limits(clip: Path) -> None:
    assert len(play(clip, max_frames=7)) == 7
    assert len(play(clip, duration_s=0.4)) == 10
    assert len(play(clip, duration_s=1.2, loop=True)) == pytest.approx(31, abs=1)
    assert len(play(clip, duration_s=100.0)) == 20


def test_stop_and_close_release_everything(clip: Path) -> None:
    before = threading.active_count()
    source = MediaSource(str(clip), loop=True)
    frames = source.frames()
    next(frames)
    source.stop()
    assert list(frames) == []
    other = MediaSource(str(clip), loop=True).frames()
    next(other)
    other.close()  # type: ignore[attr-defined]
    with pytest.raises(StopIteration):
        next(other)
    assert threading.active_count() == before


def test_tap_sees_every_packet_before_its_picture(clip: Path) -> None:
    seen: list[object] = []
    frames = MediaSource(str(clip)).frames(seen.append)
    first = next(frames)
    assert first.index == 0
    assert seen
    assert all(isinstance(p, av.Packet) and p.size for p in seen)
    assert len(list(frames)) == 19
    assert len(seen) == 20


def test_wall_clock_is_that_of_decoding(clip: Path) -> None:
    before = time.time_ns()
    frames = play(clip)
    assert before <= frames[0].wall_ns <= frames[-1].wall_ns <= time.time_ns()


def test_pictures_are_freed_without_the_garbage_collector(clip: Path) -> None:
    gc.collect()
    gc.disable()
    try:
        frames = MediaSource(str(clip), loop=True).frames()
        for _ in range(90):
            next(frames)
        alive = [o for o in gc.get_objects() if isinstance(o, av.VideoFrame) and o.width == 160]
        assert len(alive) <= 2
    finally:
        gc.enable()


def test_another_stream_by_number(tmp_path: Path) -> None:
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as out:
        streams = []
        for wh in ((64, 48), (128, 96)):
            stream = out.add_stream("mpeg4", rate=25)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height = wh
            stream.pix_fmt = "yuv420p"
            streams.append(stream)
        sound = out.add_stream("pcm_s16le", rate=48000, layout="mono")
        for i in range(5):
            for stream in streams:
                frame = av.VideoFrame.from_ndarray(painted(i, stream.width, stream.height), format="rgb24")
                frame = frame.reformat(format="yuv420p")
                frame.pts = i
                out.mux(stream.encode(frame))
        tone = av.AudioFrame(format="s16", layout="mono", samples=1024)
        tone.sample_rate, tone.pts = 48000, 0
        out.mux(sound.encode(tone))
        for stream in streams:
            out.mux(stream.encode(None))
    with av.open(str(path)) as container:
        best = container.streams.best("video")
        assert isinstance(best, VideoStream)
        chosen = best.width
    assert {f.width for f in play(path)} == {chosen}
    assert {f.width for f in play(path, stream=0)} == {64}
    assert {f.width for f in play(path, stream=1)} == {128}
    with pytest.raises(InputError, match=r"stream 2 is not a video stream; there are: 0, 1"):
        play(path, stream=2)


def bad_files(folder: Path) -> dict[str, bytes]:
    whole = write_clip(folder / "w.mp4", pts=tuple(range(0, 25600, 512)), wh=(160, 120)).read_bytes()
    return {
        "empty.mp4": b"",
        "text.mp4": b"This is no video.\n" * 50,
        "noise.mp4": random.Random(1).randbytes(4000),
        "no-index.mp4": whole[: len(whole) // 2],
        "model.onnx": b"\x08\x08\x12\x07pytorch" * 40,
    }


@pytest.mark.parametrize("name", ["empty.mp4", "text.mp4", "noise.mp4", "no-index.mp4", "model.onnx"])
def test_what_is_no_video_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(bad_files(tmp_path)[name])
    with pytest.raises(InputError, match=name) as caught:
        play(path)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_folder_and_sound_are_no_video(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=tmp_path.name):
        play(tmp_path)
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(4000))
    with pytest.raises(InputError, match=r"tone\.wav: there is no video stream in it \(found: audio\)"):
        play(path)


def test_a_header_without_pictures_is_an_error(tmp_path: Path) -> None:
    content = write_clip(tmp_path / "whole.mkv", pts=(0, 40, 80), base=Fraction(1, 1000)).read_bytes()
    path = tmp_path / "headless.mkv"
    path.write_bytes(content[: content.index(b"\x1f\x43\xb6\x75")])  # the first cluster begins there
    with pytest.raises(InputError, match=r"headless\.mkv: it ends before its first picture"):
        play(path)


def test_a_file_of_damage_only_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "damage.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(4):
            frame = av.VideoFrame.from_ndarray(painted(i, 64, 48), format="rgb24").reformat(format="yuv420p")
            frame.pts = i
            for packet in stream.encode(frame):
                packet.update(bytes([255] * packet.size))
                out.mux(packet)
        out.mux(stream.encode(None))
    with pytest.raises(InputError, match=r"damage\.mkv: no picture in it could be decoded \(\d+ packets, \d+ of them"):
        play(path)


def test_names_that_look_like_addresses(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("rtsp:odd.mp4", "50%d off.mp4", "-dash.mp4", "ünïcode.mp4"):
        Path(name).write_bytes(clip.read_bytes())
        assert len(play(name)) == 20
    address = (tmp_path / "50%d off.mp4").as_uri()
    frames = play(address)
    assert len(frames) == 20
    assert frames[0].stream.id == "50%d off.mp4"


@pytest.mark.skipif(ASSETS is None, reason="SIGHTLINE_ASSETS is not set")
def test_real_files_by_the_bare_decoder() -> None:
    folder = Path(ASSETS or "") / "videos"
    small = [p for p in sorted(folder.iterdir()) if p.suffix != ".md" and p.stat().st_size < 130_000]
    assert len(small) > 20
    wrong = []
    for path in small:
        try:
            want = decoded_pts(path)
        except (av.error.FFmpegError, AssertionError):
            want = []
        try:
            got = [f.at.pts for f in play(path)]
        except InputError:
            got = []
        if got != want:
            wrong.append((path.name, len(got), len(want)))
    assert not wrong
