"""The edge of the command line: cheap help, exit codes, debug, broken pipes, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import MODEL, sightline_command

from sightline import __version__
from sightline.cli import COMMANDS, main
from sightline.cli.invoke import report
from sightline.errors import InputError, Interrupted, OutputError, StreamError

HEAVY = ("numpy", "av", "cv2", "openvino", "onnxruntime", "onnx", "pydantic", "rich", "typer", "yaml", "scipy")


def test_help_and_version_import_nothing_heavy() -> None:
    script = (
        "import sys; from sightline.cli import main; main(['--help']); main(['--version']); import sightline; "
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert all(name in done.stdout for name in COMMANDS)
    assert __version__ in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_takes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Usage: sightline {name}")
    assert "Traceback" not in said


def test_debug_before_or_after_the_command_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--debug", "grid", "none.mp4"], ["grid", "none.mp4", "--debug"]):
        assert main(words) == 2
        said = capsys.readouterr().err
        assert "Traceback" in said
        assert said.splitlines()[-1].startswith("sightline: error: none.mp4")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError("a.mp4: empty"), 2, "sightline: error: a.mp4: empty"),
        (StreamError("rtsp://me:secret@host/x: no answer"), 1, "sightline: error: rtsp://***@host/x: no answer"),
        (OutputError("o.mp4: cannot be written\nchoose another\nand more"), 1, "sightline: error: o.mp4"),
        (Interrupted("x"), 130, "sightline: error: stopped"),
        (KeyboardInterrupt(), 130, "sightline: error: stopped"),
        (PermissionError(13, "Permission denied", "/x"), 1, "sightline: error: permission denied: /x"),
        (ZeroDivisionError("by zero"), 1, "sightline: error: unexpected: ZeroDivisionError: by zero"),
    ],
)
def test_every_error_is_one_or_two_lines(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error) == code
    err = capsys.readouterr().err
    assert err.startswith(said)
    assert len(err.splitlines()) <= 2


def test_a_reader_that_goes_away_is_no_error() -> None:
    line = [sys.executable, "-m", "sightline", "run", str(MODEL), "synthetic://street?seconds=4", "--results", "-"]
    with subprocess.Popen([*line, "-q"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["type"] == "run"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_ends_cleanly(number: int, tmp_path: Path) -> None:
    results = tmp_path / "r.jsonl"
    url = "synthetic://street?seconds=0&width=320&height=180&live=true"
    line = [sys.executable, "-m", "sightline", "run", str(MODEL), url, "--results", str(results)]
    with subprocess.Popen([*line, "-o", str(tmp_path / "o.mp4")], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        deadline = time.monotonic() + 40
        while not (results.exists() and results.read_text().count("\n") > 3) and time.monotonic() < deadline:
            time.sleep(0.1)
        os.kill(process.pid, number)
        said = process.stderr.read()
        assert process.wait(20) == 130
    assert "Traceback" not in said
    lines = results.read_text().splitlines()
    assert [json.loads(text)["type"] for text in lines[:2]] == ["run", "frame"]
    assert sightline_command("grid", tmp_path / "o.mp4", "-o", tmp_path / "g.png").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["g.png", "o.mp4", "r.jsonl"]


def test_env_names_versions_and_no_host(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["sightline"] == __version__
    assert {"numpy", "openvino", "av"} <= set(facts["packages"])
    assert facts["openvino_devices"]["CPU"]
    assert "CPUExecutionProvider" in facts["onnx_runtime_providers"]
    assert main(["env"]) == 0
    assert re.search(r"^python +3\.", capsys.readouterr().out, re.MULTILINE)
