"""Bad input gets one or two clear lines, the documented exit code, no traceback, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import MODEL, sightline_command, write_clip

from sightline.cli import main

Words = list[object]
NETWORK = MODEL / "street.onnx"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    write_clip(folder / "clip.mp4")
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "text.mp4").write_text("hello\n" * 99)
    (folder / "cut.onnx").write_bytes(NETWORK.read_bytes()[:5000])
    (folder / "text.onnx").write_text("weights\n" * 50)
    (folder / "typo.yaml").write_text("streams:\n  - clip.mp4\nmodle: m.onnx\n")
    (folder / "broken.yaml").write_text("streams: [\n")
    (folder / "nothing.yaml").write_text("")
    (folder / "list.yaml").write_text("- a\n")
    (folder / "option.yaml").write_text(f"streams: [clip.mp4]\nmodel: {MODEL}\ntracker: {{kind: sort, lsot_s: 1}}\n")
    (folder / "missing.yaml").write_text(f"streams: [clip.mp4, none.mp4]\nmodel: {MODEL}\n")
    os.link(folder / "clip.mp4", folder / "hard.mp4")
    (folder / "soft.mp4").symlink_to("clip.mp4")
    return folder


def run(*words: object) -> Words:
    return ["run", MODEL, *words]


def other(*words: object) -> Words:
    return [*words]


# name: (command, exit code, words that the message must hold)
CASES: dict[str, tuple[Words, int, list[str]]] = {
    "too long a name": (run("clip.mp4", "-o", "x" * 300 + ".mp4"), 2, ["xxx", "too long"]),
    "results in a hard link of the input": (run("clip.mp4", "--results", "hard.mp4"), 2, ["hard.mp4"]),
    "output is a symbolic link to the input": (run("clip.mp4", "-o", "soft.mp4"), 2, ["soft.mp4"]),
    "output is the input by another way": (run("soft.mp4", "-o", "../{here}/clip.mp4"), 2, ["clip.mp4"]),
    "a disk that is full": (run("clip.mp4", "--results", "/dev/full"), 1, ["/dev/full", "space"]),
    "a device as video": (run("/dev/null", "-o", "o.mp4"), 2, ["/dev/null"]),
    "no command": (other(), 2, ["--help"]),
    "unknown command": (other("rnu"), 2, ["rnu", "run"]),
    "run alone": (other("run"), 2, ["run"]),
    "no input": (run(), 2, ["input"]),
    "unknown flag": (run("clip.mp4", "--scroe", "1"), 2, ["--scroe", "--score"]),
    "flag without a number": (run("clip.mp4", "--score", "high"), 2, ["--score", "expected a valid number"]),
    "score out of range": (run("clip.mp4", "--score", "1.5"), 2, ["--score", "1.5"]),
    "missing video": (run("none.mp4"), 2, ["none.mp4"]),
    "empty video": (run("empty.mp4", "-o", "o.mp4"), 2, ["empty.mp4"]),
    "text as video": (run("text.mp4", "-o", "o.mp4"), 2, ["text.mp4"]),
    "missing model": (other("run", "none.onnx", "clip.mp4"), 2, ["none.onnx"]),
    "empty model": (other("run", "empty.mp4", "clip.mp4"), 2, ["empty.mp4"]),
    "truncated model": (other("run", "cut.onnx", "clip.mp4"), 2, ["cut.onnx"]),
    "text as model": (other("run", "text.onnx", "clip.mp4"), 2, ["text.onnx"]),
    "unknown head": (run("clip.mp4", "--head", "yollo"), 2, ["yollo", "yolo"]),
    "unknown tracker": (run("clip.mp4", "--track", "bytetrak"), 2, ["bytetrack"]),
    "unknown tracker option": (run("clip.mp4", "--track", "sort:lsot_s=1"), 2, ["lsot_s", "lost_s"]),
    "unknown class": (run("clip.mp4", "--classes", "persn"), 2, ["persn", "person"]),
    "unknown precision": (run("clip.mp4", "--precision", "f12"), 2, ["f12", "f32"]),
    "unknown runtime": (run("clip.mp4", "--runtime", "openvin"), 2, ["openvin"]),
    "unknown video option": (run("clip.mp4", "--video", "crff=3"), 2, ["crff", "crf"]),
    "unknown overlay option": (run("clip.mp4", "--overlay", "lables=false"), 2, ["lables"]),
    "half a line": (run("clip.mp4", "--line", "gate=0.1,0.5"), 2, ["gate"]),
    "line outside": (run("clip.mp4", "--line", "gate=3,0.5,4,0.5"), 2, ["gate"]),
    "line outside, in pixels": (run("clip.mp4", "--line", "gate=px:900,5,950,5", "--results", "r.jsonl"), 2, ["gate"]),
    "crossed zone": (run("clip.mp4", "--zone", "z=0.1,0.1,0.9,0.9,0.9,0.1,0.1,0.9"), 2, ["z"]),
    "one name twice": (run("clip.mp4", "--line", "g=0,0.5,1,0.5", "--line", "g=0,0.6,1,0.6"), 2, ["g", "twice"]),
    "crop without a number": (run("clip.mp4", "--crop", "0,0,half,1"), 2, ["--crop"]),
    "crop of pixels as fractions": (run("clip.mp4", "--crop", "0,0,100,100"), 2, ["crop"]),
    "limit without a unit": (run("clip.mp4", "--limit", "10"), 2, ["--limit", "10s"]),
    "output is input": (run("clip.mp4", "-o", "clip.mp4"), 2, ["clip.mp4"]),
    "results are input": (run("clip.mp4", "--results", "clip.mp4"), 2, ["clip.mp4"]),
    "two outputs, one name": (run("clip.mp4", "-o", "o.mp4", "--results", "o.mp4"), 2, ["o.mp4"]),
    "unknown output": (run("clip.mp4", "-o", "o.xyz"), 2, [".xyz"]),
    "results as output": (run("clip.mp4", "-o", "o.jsonl"), 2, ["--results"]),
    "video as picture": (run("clip.mp4", "-o", "o.jpg"), 2, [".mp4"]),
    "two inputs, one file": (run("clip.mp4", "clip.mp4", "-o", "o.mp4"), 2, ["folder"]),
    "two to standard output": (run("clip.mp4", "--results", "-", "--json"), 2, ["--json"]),
    "nobody answers": (run("rtsp://user:sesame@127.0.0.1:9/x", "--results", "r.jsonl"), 1, ["127.0.0.1"]),
    "yaml typo": (other("run", "typo.yaml"), 2, ["typo.yaml:3", "modle", "model"]),
    "yaml broken": (other("run", "broken.yaml"), 2, ["broken.yaml:2"]),
    "yaml empty": (other("check", "nothing.yaml"), 2, ["nothing.yaml"]),
    "yaml without keys": (other("check", "list.yaml"), 2, ["list.yaml:1"]),
    "yaml with a wrong option": (other("check", "option.yaml"), 2, ["option.yaml:3", "lsot_s", "lost_s"]),
    "yaml names a missing file": (other("check", "missing.yaml"), 2, ["missing.yaml:1", "none.mp4"]),
    "yaml and flags": (other("run", "option.yaml", "--score", "0.5"), 2, ["--score"]),
    "no pipeline": (other("check"), 2, ["pipeline file"]),
    "grid of nothing": (other("grid", "none.mp4"), 2, ["none.mp4"]),
    "grid over its input": (other("grid", "clip.mp4", "-o", "clip.mp4"), 2, ["clip.mp4"]),
    "inspect nothing": (other("inspect", "none.onnx"), 2, ["none.onnx"]),
    "inspect without a picture": (other("inspect", MODEL, "-o", "c.jpg"), 2, ["picture"]),
    "bench nothing": (other("bench", MODEL, "none.mp4"), 2, ["none.mp4"]),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_answered(
    name: str, here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments, code, words = CASES[name]
    before = {path: path.stat().st_mtime_ns for path in here.iterdir()}
    monkeypatch.chdir(here)
    given = main([str(word).replace("{here}", here.name) for word in arguments])
    out, err = capfd.readouterr()
    assert given == code, err
    assert err.startswith("sightline: error: "), err
    assert len(err.strip().splitlines()) <= 2, err
    assert "Traceback" not in out + err
    assert "sesame" not in out + err
    assert [word for word in words if word not in err] == []
    assert {path: path.stat().st_mtime_ns for path in here.iterdir()} == before


def test_long_and_odd_names_give_outputs_that_can_be_written(here: Path, tmp_path: Path) -> None:
    for name in ("\u00fcn\u00ef \u89c6\u9891 (1) #2.mp4", "\u00e4" * 120 + ".mp4", "x" * 251 + ".mp4"):
        clip = tmp_path / "in" / name
        clip.parent.mkdir(exist_ok=True)
        clip.write_bytes((here / "clip.mp4").read_bytes())
        out = tmp_path / "out"
        assert sightline_command("run", MODEL, clip, "-o", f"{out}/", "--results", f"{out}/r.jsonl").code == 0
        assert sorted(path.suffix for path in out.iterdir()) == [".jsonl", ".mp4"]
        for path in out.iterdir():
            path.unlink()


def test_a_pipe_is_read_once_by_the_decoder_alone(here: Path, tmp_path: Path) -> None:
    import av

    stream, pipe, results = tmp_path / "a.ts", tmp_path / "pipe", tmp_path / "r.jsonl"
    with av.open(str(here / "clip.mp4")) as clip, av.open(str(stream), "w", format="mpegts") as out:
        into = out.add_stream_from_template(clip.streams.video[0])
        for packet in clip.demux(video=0):
            if packet.dts is not None:
                packet.stream = into
                out.mux(packet)
    os.mkfifo(pipe)
    line = [sys.executable, "-m", "sightline", "run", str(MODEL), str(pipe), "--results", str(results)]
    with subprocess.Popen(line, stderr=subprocess.PIPE) as process:
        with pipe.open("wb") as writer:
            writer.write(stream.read_bytes())
        assert process.wait(60) == 0
    assert results.read_text().count('"type":"frame"') == 12


@pytest.mark.parametrize(("results", "code"), [("r.jsonl", 0), ("-", 1)])
def test_standard_output_may_be_closed(results: str, code: int, here: Path, tmp_path: Path) -> None:
    words = ["run", MODEL, here / "clip.mp4", "--results", results]
    line = " ".join(f"'{word}'" for word in (sys.executable, "-m", "sightline", *words))
    done = subprocess.run(["sh", "-c", f"{line} >&-"], cwd=tmp_path, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    assert "unexpected" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cache_that_cannot_be_written_costs_only_time(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert sightline_command("run", MODEL, here / "clip.mp4", "--results", tmp_path / "r.jsonl").code == 0
