"""Several pipelines in one run: what is said, what is written, which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import MODEL

from sightline.cli.execute_several import execute_all
from sightline.config import PipelineConfig
from sightline.deployment import Deployment
from sightline.errors import UsageError

SCENE = "synthetic://street?seconds=1&width=320&height=180&seed=3"


def config(results: str, model: str = str(MODEL), url: str = SCENE) -> PipelineConfig:
    return PipelineConfig.model_validate(
        {"streams": [url], "model": model, "sinks": [{"kind": "jsonl", "path": results}]}
    )


def test_two_pipelines_run_and_are_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = {name: str(tmp_path / f"{name}.jsonl") for name in ("left", "right")}
    code = execute_all(Deployment({n: config(p) for n, p in paths.items()}, notes=("a note",)), as_json=True)
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert code == 0
    assert {n: p["written"] for n, p in told["pipelines"].items()} == {n: [p] for n, p in paths.items()}
    frames = {p["frames"] for p in told["pipelines"].values()}
    assert len(frames) == 1
    assert frames.pop() >= 20
    assert told["failed"] == {}
    assert told["notes"] == ["a note"]
    assert "left: " in said.err
    assert "note: a note" in said.err
    for path in paths.values():
        kinds = [json.loads(line)["type"] for line in Path(path).read_text().splitlines()]
        assert kinds.count("frame") >= 20


def test_what_fails_is_told_and_the_other_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = (str(tmp_path / f"{name}.jsonl") for name in ("good", "bad"))
    deployment = Deployment(
        {"bad": config(bad, model=str(tmp_path / "absent.onnx")), "good": config(good)},
        {"stream-07": "twin.json:9: rtsp://user:secret@host/x is no camera"},
    )
    assert execute_all(deployment) == 1
    said = capsys.readouterr().err
    assert "error: bad: " in said
    assert "absent.onnx" in said
    assert "error: stream-07: twin.json:9" in said
    assert "secret" not in said
    assert "did not run, or not to the end: stream-07, bad" in said
    assert Path(good).stat().st_size > 1000
    assert not Path(bad).exists()


def test_none_that_could_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    absent = config(str(tmp_path / "x.jsonl"), model=str(tmp_path / "absent.onnx"))
    assert execute_all(Deployment({"a": absent})) == 2
    assert execute_all(Deployment({}, {"a": "t.json:1: wrong"})) == 2
    assert execute_all(Deployment({}, idle=True, notes=("switched off",))) == 0
    assert "switched off" in capsys.readouterr().err


def test_two_that_would_write_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same = str(tmp_path / "same.jsonl")
    assert execute_all(Deployment({"a": config(same), "b": config(same)}), quiet=True) == 1
    assert "pipeline a writes it too" in capsys.readouterr().err


def test_standard_output_holds_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a and b both"):
        execute_all(Deployment({"a": config("-"), "b": config("-")}))
    with pytest.raises(UsageError, match="--json"):
        execute_all(Deployment({"a": config("-")}), as_json=True)
