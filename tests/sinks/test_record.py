"""Recordings: the right pictures, copied bit for bit, whatever begins, prolongs, cuts or interrupts them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numbered import paint, shown, write_numbered

from sightline import wire
from sightline.errors import OutputError, UsageError
from sightline.protocols import PacketTap, RunInfo, Sink, Source, StageInfo
from sightline.sinks.packets import PacketMemory
from sightline.sinks.record import RecordSink
from sightline.sources.media import MediaSource
from sightline.testing import MovingBoxes
from sightline.types import Detections, Event, Frame, FrameResult, Prediction

INFO = RunInfo((StageInfo("model", "m", "", "openvino", "f32", 0.2, 0.5, ("cat",)),), ())
Happens = Callable[[Frame], FrameResult]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 s at 25 pictures a second, a key picture every second, B-frames."""
    return write_numbered(tmp_path_factory.mktemp("clips") / "yard.mp4")


def events_at(*indices: int, kind: str = "line.crossed", rule: str = "door") -> Happens:
    def happens(frame: Frame) -> FrameResult:
        hit = frame.index in indices
        told = Event(f"e{frame.index}", kind, rule, frame.stream.id, frame.index, frame.at)
        return FrameResult(frame.without_picture(), events=(told,) if hit else ())

    return happens


def cats_at(indices: Iterable[int], zone: str = "") -> Happens:
    there = set(indices)

    def happens(frame: Frame) -> FrameResult:
        count = int(frame.index in there)
        found = Detections(
            np.zeros((count, 4), np.float32), np.ones(count, np.float32), np.zeros(count, np.int32), ("Cat",)
        )
        counts = {zone: {"now": {"Cat": count} if count else {}}} if zone else {}
        return FrameResult(frame.without_picture(), Prediction(found), counts=counts)

    return happens


def drive(source: Source, sink: RecordSink, happens: Happens, most: int = 10_000) -> list[Path]:
    """What a lane does with a source and a recording sink."""
    assert isinstance(sink, Sink)
    sink.open(INFO)
    frames = source.frames(sink.tap)
    for frame in frames:
        sink.write(happens(frame), frame.picture if sink.wants_picture else None)
        if frame.index + 1 >= most:
            break
    frames.close()  # type: ignore[attr-defined]
    sink.close()
    return sink.written


def numbers_of(path: Path) -> list[int]:
    return [number for number, _ in shown(path)]


def told_of(path: Path) -> dict[str, Any]:
    return json.loads(path.with_suffix(".json").read_text())


def frames_told(path: Path) -> list[int]:
    return [line["frame"] for line in told_of(path)["results"] if line["type"] == "frame"]


# -- what is copied --------------------------------------------------------------------------------------------------


def test_an_event_is_recorded_with_what_came_before_and_after(clip: Path, tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path / "out"), events=("line.crossed",), pre_s=1.5, post_s=1)
    (video,) = drive(MediaSource(str(clip)), sink, events_at(100))
    assert sorted(p.suffix for p in (tmp_path / "out").iterdir()) == [".json", ".mp4"]
    found = shown(video)
    assert [number for number, _ in found] == list(range(50, 50 + len(found)))  # 2.5 s, from the key picture before
    assert 125 <= found[-1][0] <= 128
    assert found[0][1] == 0
    assert [round(at * 25) for _, at in found] == list(range(len(found)))
    told = told_of(video)
    assert (told["video"], told["stream"], told["why"]) == (video.name, "yard.mp4", "line.crossed door")
    assert (told["begins_s"], told["ends_s"]) == (2.0, round(2 + len(found) / 25, 6))
    assert frames_told(video) == [number for number, _ in found]
    assert told["results"][0]["type"] == "run"
    assert [line["frame"] for line in told["results"] if line["type"] == "event"] == [100]
    assert wire.parse(json.dumps(told["results"][1]))["v"] == 1
    assert sink.notes == []
    assert not sink.wants_picture


def test_packets_are_copied_bit_for_bit(clip: Path, tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path), events=("line.crossed",), pre_s=0, post_s=0)
    (video,) = drive(MediaSource(str(clip)), sink, events_at(60))
    with av.open(str(clip)) as source, av.open(str(video)) as copy:
        originals = {bytes(packet) for packet in source.demux(video=0) if packet.size}
        copied = [bytes(packet) for packet in copy.demux(video=0) if packet.size]
    assert len(copied) >= 10
    assert set(copied) <= originals


@pytest.mark.parametrize(
    ("name", "codec", "suffix"),
    [
        ("a.mkv", "libx264", ".mp4"),
        ("a.ts", "libx264", ".mp4"),
        ("a.flv", "libx264", ".mp4"),
        ("a.avi", "mpeg4", ".mp4"),
        ("a.webm", "libvpx", ".mkv"),
        ("a.mp4", "libx265", ".mp4"),
    ],
)
def test_containers_and_codecs(tmp_path: Path, name: str, codec: str, suffix: str) -> None:
    source = write_numbered(tmp_path / name, 100, codec=codec, bframes=0 if codec != "libx264" else 2)
    sink = RecordSink(str(tmp_path / "out"), events=("line.crossed",), pre_s=0.5, post_s=0.5)
    (video,) = drive(MediaSource(str(source)), sink, events_at(50))
    assert video.suffix == suffix
    found = numbers_of(video)
    assert found == list(range(found[0], found[0] + len(found)))
    assert found[0] <= 38
    assert found[-1] >= 62
    assert frames_told(video) == found


def test_times_far_from_zero_and_below(tmp_path: Path) -> None:
    for start in (-12800, 12800 * 100_000):
        source = write_numbered(tmp_path / f"s{start}.mkv", 75, start=start)
        sink = RecordSink(str(tmp_path / f"o{start}"), events=("line.crossed",), pre_s=0.5, post_s=0.2)
        (video,) = drive(MediaSource(str(source)), sink, events_at(60))
        found = shown(video)
        assert found[0] == (25, 0.0)
        assert found[-1][0] >= 65


# -- what begins, prolongs and ends a recording ---------------------------------------------------------------------


def test_what_happens_before_the_end_prolongs_one_snippet(clip: Path, tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path), events=("line.*",), pre_s=0, post_s=1)
    (video,) = drive(MediaSource(str(clip)), sink, events_at(50, 60, 74, 98))
    found = numbers_of(video)
    assert found == list(range(50, 50 + len(found)))
    assert 123 <= found[-1] <= 126


def test_apart_they_are_two_snippets(clip: Path, tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path), rules=("door",), pre_s=0.2, post_s=0.2)
    first, second = drive(MediaSource(str(clip)), sink, events_at(30, 150))
    assert numbers_of(first)[0] == 25
    assert numbers_of(first)[-1] <= 38
    assert numbers_of(second)[0] == 125
    assert first.name != second.name


@pytest.mark.parametrize("zone", ["", "yard"])
def test_a_label_starts_and_stops(clip: Path, tmp_path: Path, zone: str) -> None:
    options: dict[str, Any] = {"zones": (zone,)} if zone else {}
    sink = RecordSink(str(tmp_path), labels=("cat", "dog"), pre_s=0, post_s=0.4, **options)
    there = {*range(55, 70), *range(75, 90), *range(150, 160)}  # a gap shorter than post_s is none
    first, second = drive(MediaSource(str(clip)), sink, cats_at(there, zone))
    found = numbers_of(first)
    assert found == list(range(50, 50 + len(found)))
    assert 99 <= found[-1] <= 104  # the last cat at 89, 10 pictures, and those that B-frames bring along
    assert numbers_of(second)[0] == 150
    assert told_of(first)["why"] == (f"Cat in {zone}" if zone else "Cat")


def test_a_long_recording_goes_on_in_further_files_without_a_gap(clip: Path, tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path), labels=("cat",), pre_s=0, post_s=0, longest_s=2, name="{stream}-{number}")
    videos = drive(MediaSource(str(clip)), sink, cats_at(range(200)))
    assert [video.name for video in videos] == [f"yard-{i}.mp4" for i in range(1, 5)]
    assert [numbers_of(video) for video in videos] == [list(range(i, i + 50)) for i in (0, 50, 100, 150)]
    assert [frames_told(video) for video in videos] == [numbers_of(video) for video in videos]


def test_the_end_of_the_run_finishes_a_snippet(clip: Path, tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path), events=("line.crossed",), pre_s=0, post_s=60)
    (video,) = drive(MediaSource(str(clip)), sink, events_at(150))
    assert numbers_of(video) == list(range(150, 200))
    assert frames_told(video) == list(range(150, 200))
    stopped = RecordSink(str(tmp_path / "b"), events=("line.crossed",), pre_s=0, post_s=60)
    (video,) = drive(MediaSource(str(clip)), stopped, events_at(25), most=60)
    assert numbers_of(video)[:30] == list(range(25, 55))


def test_a_users_rules_and_a_hand_record(clip: Path, tmp_path: Path) -> None:
    def rules(frame: Frame) -> FrameResult:
        kind = {50: "record.start", 80: "record.stop"}.get(frame.index)
        told = () if kind is None else (Event("x", kind, "", "s", frame.index, frame.at),)
        return FrameResult(frame.without_picture(), events=told)

    sink = RecordSink(str(tmp_path / "a"), pre_s=0, post_s=0)
    (video,) = drive(MediaSource(str(clip)), sink, rules)
    assert numbers_of(video)[0] == 50
    assert 79 <= numbers_of(video)[-1] <= 83
    by_hand = RecordSink(str(tmp_path / "b"), pre_s=0, post_s=0)

    def press(frame: Frame) -> FrameResult:
        if frame.index in (100, 120):
            by_hand.record(frame.index == 100)
        return FrameResult(frame.without_picture())

    (video,) = drive(MediaSource(str(clip)), by_hand, press)
    assert numbers_of(video)[0] == 100
    assert told_of(video)["why"] == "by hand"


def test_without_anything_to_record_there_is_nothing(clip: Path, tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path / "out"), events=("zone.entered",), rules=("gate",))
    assert drive(MediaSource(str(clip)), sink, events_at(50)) == []
    assert not (tmp_path / "out").exists()


# -- clocks that begin anew ------------------------------------------------------------------------------------------


def test_a_loop_ends_a_snippet_and_begins_another(tmp_path: Path) -> None:
    source = write_numbered(tmp_path / "a.mp4", 50)
    sink = RecordSink(str(tmp_path / "out"), labels=("cat",), pre_s=1, post_s=1)
    videos = drive(MediaSource(str(source), loop=True), sink, cats_at(range(30, 80)), most=125)
    assert [numbers_of(video)[0] for video in videos] == [0, 0]
    assert numbers_of(videos[0])[-1] == 49
    assert frames_told(videos[0]) == list(range(50))
    assert frames_told(videos[1])[0] == 50


def test_a_clock_that_restarts_within_a_file(tmp_path: Path) -> None:
    parts = [write_numbered(tmp_path / f"{i}.ts", 50, start=12800 * 50 * (1 - i)) for i in range(2)]
    whole = tmp_path / "whole.ts"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    sink = RecordSink(str(tmp_path / "out"), labels=("cat",), pre_s=0, post_s=0)
    videos = drive(MediaSource(str(whole)), sink, cats_at(range(30, 80)))
    assert [numbers_of(video)[0] for video in videos] == [25, 0]
    assert numbers_of(videos[0])[-1] == 49
    assert sum(len(numbers_of(video)) for video in videos) >= 54


# -- what has to be encoded ------------------------------------------------------------------------------------------


def test_sources_without_packets_are_encoded(tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path), events=("line.crossed",), pre_s=1, post_s=1)
    (video,) = drive(MovingBoxes(count=150, width=160, height=48), sink, events_at(100))
    assert sink.wants_picture
    found = shown(video)
    assert found[0][1] == 0
    assert len(found) in range(51, 51 + 51)  # a key picture every 2 s
    assert len(frames_told(video)) == len(found)


def test_a_raw_stream_is_encoded_because_it_has_no_times(tmp_path: Path) -> None:
    source = write_numbered(tmp_path / "raw.h264", 100, container="h264")
    sink = RecordSink(str(tmp_path / "out"), events=("line.crossed",), pre_s=0.4, post_s=0.4)
    (video,) = drive(MediaSource(str(source)), sink, events_at(70))
    found = numbers_of(video)
    assert found == list(range(found[0], found[0] + len(found)))
    assert found[0] <= 60
    assert found[-1] >= 80
    assert frames_told(video) == found


def test_what_is_drawn_on_is_encoded(clip: Path, tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path), events=("line.crossed",), pre_s=1, post_s=1, overlay=True)
    assert sink.tap is None
    sink.open(INFO)
    for frame in MediaSource(str(clip)).frames():
        assert frame.picture is not None
        y, *rest = frame.picture.planes
        drawn = replace(frame.picture, planes=(y.copy(), *rest), owner=None)
        drawn.planes[0][:4] = 200
        sink.write(events_at(100)(frame), drawn)
    sink.close()
    (video,) = sink.written
    with av.open(str(video)) as made:
        picture = next(made.decode(video=0)).to_ndarray(format="gray")
    assert abs(float(picture[:3].mean()) - 217) < 8  # 200 of 16..235, as full-range grey
    found = numbers_of(video)
    assert found[0] <= 75
    assert found[-1] >= 125


# -- memory ----------------------------------------------------------------------------------------------------------


def test_the_memory_is_bounded_and_begins_with_a_key_picture(clip: Path) -> None:
    memory = PacketMemory(4000)
    assert isinstance(memory, PacketTap)
    sizes = []
    for _ in MediaSource(str(clip)).frames(memory):
        kept = memory.since(0)
        sizes.append(sum(len(coded.data) for coded in kept))
        assert not kept or kept[0].key
    assert max(sizes) <= 4000
    assert memory.forgotten > 0
    assert memory.usable


def test_what_is_no_longer_needed_is_forgotten(clip: Path, tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path), events=("zone.left",), pre_s=1)
    most = 0
    sink.open(INFO)
    for frame in MediaSource(str(clip)).frames(sink.tap):
        sink.write(events_at()(frame))
        most = max(most, len(sink._memory.since(0)))
        assert len(sink._results) <= 80
    assert most <= 25 * 3 + 8
    sink.close()


def test_a_small_memory_shortens_what_came_before_and_says_so(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    source = tmp_path / "noise.mp4"
    with av.open(str(source), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.bit_rate = 640, 480, 30_000_000
        stream.codec_context.gop_size = 5
        for _ in range(50):
            picture = rng.integers(0, 255, (480, 640, 3), np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        out.mux(stream.encode(None))
    sink = RecordSink(str(tmp_path / "out"), events=("line.crossed",), pre_s=2, post_s=0, max_mb=1)
    (video,) = drive(MediaSource(str(source)), sink, events_at(49))
    assert told_of(video)["begins_s"] > 1
    assert "did not fit into 1 MB" in sink.notes[0]


# -- files -----------------------------------------------------------------------------------------------------------


def test_names_are_never_taken_twice(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "yard.json").write_text("mine")
    sink = RecordSink(str(tmp_path), name="{stream}", rules=("door",), pre_s=0, post_s=0)
    videos = drive(MediaSource(str(clip)), sink, events_at(30, 150))
    assert [video.name for video in videos] == ["yard-2.mp4", "yard-3.mp4"]
    assert (tmp_path / "yard.json").read_text() == "mine"
    why = RecordSink(str(tmp_path / "{stream}"), name="{why}", rules=("a/b",), pre_s=0, post_s=0)
    (video,) = drive(MediaSource(str(clip)), why, events_at(30, rule="a/b"))
    assert video == tmp_path / "yard" / "line.crossed-a_b.mp4"


@dataclass
class Words:
    """A payload that joins its messages."""

    def open(self, info: RunInfo) -> list[str]:
        return []

    def messages(self, result: FrameResult) -> list[str]:
        return [str(result.frame.index)]

    def joined(self, messages: list[str]) -> str:
        return json.dumps({"sum": sum(map(int, messages))})


def test_the_results_in_somebody_elses_form(clip: Path, tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path), rules=("door",), pre_s=0, post_s=0, payload=Words())
    (video,) = drive(MediaSource(str(clip)), sink, events_at(30))
    assert told_of(video) == {"sum": sum(numbers_of(video))}


def test_a_folder_that_cannot_be_written_costs_the_snippet_and_not_the_run(clip: Path, tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path / "out"), rules=("door",), pre_s=0, post_s=0)
    sink.open(INFO)
    for frame in MediaSource(str(clip)).frames(sink.tap):
        if frame.index == 20:
            (tmp_path / "out").write_text("in the way")
        if frame.index == 100:
            (tmp_path / "out").unlink()
        sink.write(events_at(30, 31, 175)(frame))
    with pytest.raises(OutputError, match="out"):
        sink.close()
    assert sink.notes == []  # the one that is raised says it all
    assert [numbers_of(video)[0] for video in sink.written] == [175]  # it was tried again
    sink.close()


FULL = """
import resource, sys
from pathlib import Path
sys.path[:0] = [{here!r}]
from test_record import INFO, drive, events_at
from sightline.errors import OutputError
from sightline.sinks.record import RecordSink
from sightline.sources.media import MediaSource
sink = RecordSink({out!r}, rules=("door",), pre_s=0, post_s=3)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
try:
    drive(MediaSource({clip!r}), sink, events_at(30))
except OutputError as error:
    print("OutputError", error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the size of files")
def test_a_full_disk_is_named_and_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    text = FULL.format(here=str(Path(__file__).parent), out=str(tmp_path / "out"), clip=str(clip))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, env=os.environ, check=False)
    assert done.stdout.startswith("OutputError"), done.stderr
    assert "recording cannot be written: File too large" in done.stdout
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "{steam}"}, "steam"),
        ({"name": "a/{stream}"}, "not a path"),
        ({"name": "{"}, "name"),
        ({"codec": "vp9"}, "record codec 'vp9'"),
        ({"crf": 99}, "record crf 99"),
    ],
)
def test_wrong_options_are_said_at_opening(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        RecordSink(str(tmp_path), **options).open(INFO)


@pytest.mark.parametrize("wrong", [{"pre_s": -1.0}, {"post_s": float("nan")}, {"longest_s": 0.0}, {"max_mb": 0}])
def test_options_have_bounds(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RecordSink("x", **wrong)


def test_a_zone_that_is_none_is_said(clip: Path, tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path), zones=("yrad",))
    with pytest.raises(UsageError, match=r"has no zone 'yrad'; it has: yard"):
        drive(MediaSource(str(clip)), sink, cats_at((), "yard"))


def test_zones_of_other_streams_are_noted(clip: Path, tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path), zones=("door", "yard"), pre_s=0, post_s=0)
    (video,) = drive(MediaSource(str(clip)), sink, cats_at(range(50, 60), "yard"))
    assert numbers_of(video)[0] == 50
    assert sink.notes == ["record: yard.mp4 has no zone 'door'"]


def test_only_the_streams_that_are_named(clip: Path, tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path), streams=("gate.mp4",), zones=("nowhere",), rules=("door",))
    assert drive(MediaSource(str(clip)), sink, events_at(50)) == []
    assert len(sink._memory.since(0)) == 0
    assert not sink.wants_picture
    named = RecordSink(str(tmp_path), streams=("gate.mp4", "yard.mp4"), rules=("door",), pre_s=0, post_s=0)
    assert len(drive(MediaSource(str(clip)), named, events_at(50))) == 1


def test_the_picture_of_a_number_is_read_back() -> None:
    from numbered import read

    assert [read(paint(n)[:48]) for n in (0, 1, 513, 1023)] == [0, 1, 513, 1023]
    assert Fraction(1, 25) == Fraction(2, 50)
