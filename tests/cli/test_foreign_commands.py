"""`explain`, `migrate` and `run` of files from elsewhere, as a user types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import sightline
from sightline.cli import main
from sightline.config_text import load_config
from tests.cli.commands import sightline_command, write_clip

DEMO = Path(sightline.__file__).parent / "assets" / "demo"
APP = """\
[application]
enable-perf-measurement=1
[source0]
enable=1
type=2
uri=rtsp://user:secret@gate/1
[primary-gie]
enable=1
config-file=pgie.txt
bbox-border-colour0=1;0;0;1
[sink0]
enable=1
type=3
output-file=out.mp4
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.txt").write_text(APP)
    (tmp_path / "pgie.txt").write_text(
        f"[property]\nonnx-file={DEMO / 'street.onnx'}\nlabelfile-path={DEMO / 'labels.txt'}\n"
        "cluster-mode=2\ninterval=1\n"
    )
    write_clip(tmp_path / "a.mp4", size_wh=(480, 270))
    return tmp_path


def test_explain_for_people(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "app.txt"]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert lines[0] == "app.txt: a deepstream-app file"
    assert any(line.split()[:4] == ["5", "type", "=", "2"] and "streams.url" in line for line in lines)
    assert "unknown key; did you mean bbox-border-color0?" not in said
    assert "unknown" in said
    assert "secret" not in said
    assert lines[-1].startswith("2 files, 14 keys:")


def test_explain_for_programs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "app.txt", "--json"]) == 0
    text = capsys.readouterr().out
    found = json.loads(text)
    assert list(found) == ["files", "keys", "missing"]
    assert found["files"] == ["app.txt", "pgie.txt"]
    assert list(found["keys"][0]) == ["file", "line", "group", "key", "value", "status", "as", "why"]
    assert {key["status"] for key in found["keys"]} == {"honoured", "translated", "ignored", "unknown"}
    assert "secret" not in text
    assert main(["explain", "none.txt"]) == 2
    assert "none.txt: cannot be read" in capsys.readouterr().err


def test_explain_loads_no_runtime(here: Path) -> None:
    heavy = ("numpy", "openvino", "onnx", "onnxruntime", "cv2", "av", "scipy")
    line = "import sys; from sightline.cli import main; main(['explain', 'app.txt']); "
    line += f"print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True, cwd=here)
    assert done.stdout.splitlines()[-1] == "[]"


def test_migrate_writes_what_check_finds_fine(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "sub").mkdir()
    assert main(["migrate", "app.txt", "-o", "sub/p.yaml"]) == 0
    text = (here / "sub" / "p.yaml").read_text()
    heads = sum(line.startswith("#   ") and line[4] != " " for line in text.splitlines())
    assert heads >= 3
    assert f"; {heads} notes at its top; " in capsys.readouterr().err
    assert text.startswith("# Made from app.txt by sightline migrate.\n")
    assert "# unknown:" in text
    assert "# ignored:" in text
    assert main(["check", "sub/p.yaml"]) == 0
    config = load_config(here / "sub" / "p.yaml")
    assert config.streams[0].url == "rtsp://user:secret@gate/1"
    assert Path(config.model.path) == Path("pgie.txt") or Path(config.model.path).resolve() == here / "pgie.txt"
    assert config.limits.interval == 1
    capsys.readouterr()
    assert main(["migrate", "app.txt", "-o", "-"]) == 0
    assert "secret" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["migrate", "pgie.txt", "-o", "p.yaml"], "not the file of an application; it belongs to another one"),
        (["migrate", "app.txt", "-o", "p.txt"], "must end in .yaml"),
        (["migrate", "none.txt", "-o", "p.yaml"], "none.txt: cannot be read"),
        (["explain", "app.txt", "--map", "x"], "OLD=NEW"),
        (["run", "app.txt", "--score", "0.5"], "--score beside app.txt does nothing"),
        (["run", "app.txt", "-d", "-f"], "-d shows what -f throws away"),
        (["run", "app.txt", "-c", "pgie.txt"], "belongs to an application's file"),
        (["run", "pgie.txt"], "no input; name a video"),
        (["run"], "name a model, a pipeline file or a DeepStream file"),
    ],
)
def test_what_is_refused(words: list[str], said: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_run_of_an_application_with_other_inputs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "app.txt", "-i", "a.mp4", "--results", "r.jsonl"]) == 0
    assert (here / "out.mp4").is_file()
    frames = [json.loads(line) for line in (here / "r.jsonl").read_text().splitlines()][1:]
    assert len(frames) == 12
    assert "note: app.txt:10: bbox-border-colour0=1;0;0;1: unknown key" in capsys.readouterr().err
    (here / "out.mp4").unlink()
    assert main(["run", "-c", "app.txt", "-i", "a.mp4", "-f", "-l", "--limit", "30f", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["streams"]["a.mp4"]["frames"] == 30
    assert not (here / "out.mp4").exists()


def test_run_with_the_flags_of_the_tao_applications(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "-c", "pgie.txt", "-i", "a.mp4", "-i", "a.mp4", "-b", "1", "-f", "--json"]) == 0
    streams = json.loads(capsys.readouterr().out)["streams"]
    assert [stream["frames"] for stream in streams.values()] == [12, 12]
    assert sorted(path.name for path in here.iterdir()) == ["a.mp4", "app.txt", "pgie.txt"]


def test_an_nvinfer_file_passes_over_frames(here: Path) -> None:
    assert main(["run", "pgie.txt", "a.mp4", "-f", "-q", "--save-config", "p.yaml"]) == 0
    assert load_config(here / "p.yaml").limits.interval == 1
    assert main(["run", "pgie.txt", "a.mp4", "-f", "-q", "--interval", "0", "--save-config", "p.yaml"]) == 0
    assert load_config(here / "p.yaml").limits.interval == 0


def test_applications_beside_each_other_in_a_process_of_their_own(here: Path) -> None:
    (here / "b.txt").write_text(APP.replace("output-file=out", "output-file=b"))
    (here / "c.txt").write_text(APP.replace("pgie.txt", "gone.txt"))
    said = sightline_command("run", "app.txt", "-c", "b.txt", "-c", "c.txt", "-i", "a.mp4", cwd=here)
    assert said.code == 1
    assert (here / "out.mp4").is_file()
    assert (here / "b.mp4").is_file()
    assert "c: " in said.err
    assert "gone.txt: no such file" in said.err


def test_all_files_that_are_missing_are_told_at_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = "[tracker]\nenable=1\nll-config-file=gone.yml\n[nvds-analytics]\nenable=1\nconfig-file=gone_rules.txt\n"
    (here / "lost.txt").write_text(APP.replace("pgie.txt", "gone_pgie.txt") + more)
    assert main(["run", "lost.txt"]) == 2
    said = capsys.readouterr().err
    assert "config-file=gone_pgie.txt: no such file" in said
    for name, line in (("gone.yml", 17), ("gone_rules.txt", 20)):
        assert f"{name} (lost.txt:{line})" in said
    assert "--root DIR or --map OLD=NEW" in said
