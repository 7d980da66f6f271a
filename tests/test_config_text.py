"""Pipeline files: what is right is read, what is wrong is named with file, line and key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sightline.config import PartConfig, PipelineConfig
from sightline.config_text import dump_config, load_config, parse_config
from sightline.errors import ConfigError

FAULTS = {
    "": "p.yaml: empty",
    "# only a remark\n": "p.yaml: empty",
    "streams: [\n": "p.yaml:2: not valid YAML",
    "- a.mp4\n": "p.yaml:1: expected a mapping",
    "streams:\n  - url: a\nmodle: m.onnx\n": "p.yaml:3: unknown key 'modle'; did you mean 'model'?",
    "streams: [a]\nmodel:\n  path: m\n  scores: 0.4\n": "p.yaml:4: unknown key 'scores'; did you mean 'score'?",
    "streams:\n  - a\n  - ulr: b\n    url: b\nmodel: m\n": "p.yaml:3: unknown key 'ulr'; did you mean 'url'?",
    "streams: [a]\n": "p.yaml:1: the key 'model' is missing",
    "streams:\n  - {id: gate}\nmodel: m\n": "p.yaml:2: the key 'url' is missing in streams[0]",
    "streams: []\nmodel: m\n": "p.yaml:1: streams: expected at least 1",
    "streams: a.mp4\nmodel: m\n": "p.yaml:1: streams: expected a list, got 'a.mp4'",
    "streams: [a]\nmodel: {path: m, score: high}\n": "p.yaml:2: model.score: expected a number, got 'high'",
    "streams: [a]\nmodel:\n  path: m\n  score: 1.5\n": "p.yaml:4: model.score: expected a number at most 1",
    "streams: [a]\nmodel: {path: m, precision: f12}\n": "p.yaml:2: model.precision: expected auto, f32, bf16 or f16",
    "streams: [a]\nmodel: {path: m, color: bgrr}\n": "p.yaml:2: model.color: expected rgb, bgr or grey",
    "streams: [a]\nmodel: {path: m, labels: {a: b}}\n": "p.yaml:2: model.labels: expected text or a list",
    "streams: [a]\nmodel: m\nlimits:\n  frames: 2.5\n": "p.yaml:4: limits.frames: expected a whole number",
    "streams: [a]\nmodel: m\nlimits:\n  loop: perhaps\n": "p.yaml:4: limits.loop: expected true or false",
    "streams: [a]\nmodel: m\nlimits: {crop: [0, 0, 640, 480]}\n": "p.yaml:3: limits: crop",
    "streams: [a]\nmodel: m\ntracker: bytetrak\n": "p.yaml:3: unknown tracker 'bytetrak'; did you mean bytetrack",
    "streams: [a]\nmodel: m\ntracker: {}\n": "p.yaml:3: the key 'kind' is missing in tracker",
    "streams: [a]\nmodel: m\nsinks:\n  - kind: jsonl\n    path: '-'\n    payload: deepstrem\n": (
        "p.yaml:6: jsonl: unknown payload 'deepstrem'; did you mean deepstream"
    ),
    "streams: [a]\nmodel: m\nmodel: n\n": "p.yaml:3: the key 'model' is there twice",
    "streams: &s [*s]\nmodel: m\n": "p.yaml:1: an alias that contains itself",
    "streams: [a]\nmodel: !!python/name:os.system m\n": "p.yaml:2: not valid YAML",
    "\tstreams: a\n": "p.yaml:1: not valid YAML",
    "? [a]\n: b\n": "p.yaml:1: a key must be a word",
}


@pytest.mark.parametrize("text", FAULTS, ids=range(len(FAULTS)))
def test_a_fault_is_named_with_its_line(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "p.yaml")
    message = str(caught.value)
    assert message.startswith(FAULTS[text]), message
    assert len(message.splitlines()) <= 2


def test_aliases_that_expand_without_end_are_refused() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for before, name in zip("abcdefg", "bcdefgh", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]")
    with pytest.raises(ConfigError, match="aliases expand"):
        parse_config("\n".join(lines), "p.yaml")


def test_shorthands() -> None:
    config = parse_config(
        "streams: [a.mp4, 0, {url: b.mp4, id: gate}]\nmodel: m.onnx\ntracker: bytetrack\noverlay: {}\n", "p.yaml"
    )
    assert [s.url for s in config.streams] == ["a.mp4", "0", "b.mp4"]
    assert config.model.path == "m.onnx"
    assert config.tracker == PartConfig(kind="bytetrack")
    assert config.overlay == PartConfig(kind="boxes")


def test_words_of_yaml_1_1_and_1_2() -> None:
    text = "streams: [a]\nmodel: {path: no, labels: [no, yes, 1], mean: 127, scale: 1e2}\nlimits: {loop: yes}\n"
    config = parse_config(f"%YAML 1.2\n---\n{text}", "p.yaml")
    assert config.model.labels == ("no", "yes", "1")
    assert (config.model.path, config.model.mean, config.model.scale) == ("no", (127.0,), (100.0,))
    assert config.limits.loop is True
    assert parse_config(f"%YAML 1.1\n---\n{text}", "p.yaml") == config


def test_json_is_read_too() -> None:
    assert parse_config('{"streams": ["a"], "model": {"path": "m"}}', "p.json").model.path == "m"


def test_relative_paths_are_seen_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(
        "streams: [clip.mp4, 'rtsp://h/cam', /abs/x.mp4, '0', ../up.mp4]\n"
        "model: {path: person/, labels: names.txt}\n"
        "sinks: [{kind: jsonl, path: out/}, {kind: jsonl, path: '-'}, {kind: webhook, url: 'http://h/', spool: s}]\n"
        "maps: maps\n"
    )
    config = load_config(file)
    assert [s.url for s in config.streams] == [
        f"{tmp_path}/clip.mp4", "rtsp://h/cam", "/abs/x.mp4", "0", f"{tmp_path.parent}/up.mp4",
    ]  # fmt: skip
    assert config.model.path == f"{tmp_path}/person/"
    assert config.model.labels == f"{tmp_path}/names.txt"
    assert [s.options["path"] for s in config.sinks[:2]] == [f"{tmp_path}/out/", "-"]
    assert config.sinks[2].options == {"url": "http://h/", "spool": f"{tmp_path}/s"}
    assert config.maps == f"{tmp_path}/maps"


def test_saved_paths_are_rewritten_for_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = PipelineConfig.model_validate({"streams": ["clips/a.mp4", "b.mp4"], "model": "clips/m.onnx"})
    (tmp_path / "clips").mkdir()
    file = tmp_path / "clips" / "p.yaml"
    file.write_text(dump_config(config, file.parent))
    again = load_config(file)
    assert [s.url for s in again.streams] == [f"{tmp_path}/clips/a.mp4", f"{tmp_path}/b.mp4"]
    assert again.model.path == f"{tmp_path}/clips/m.onnx"


def test_a_missing_and_a_binary_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: no such file"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"b\.yaml: not a text file"):
        load_config(tmp_path / "b.yaml")


@pytest.mark.parametrize(
    ("then", "message"),
    [
        ("[{name: a, model: b, from: facez}]", "stage 'a': from: 'facez' is no stage; did you mean 'faces'?"),
        ("[{name: a, model: b, from: b}, {name: b, model: b, from: a}]", "in a circle: a -> b -> a"),
        ("[{name: faces, model: b}]", "two stages are called 'faces'"),
        ("[{name: a, model: b, form: faces}]", "unknown key 'form'; did you mean 'from'?"),
    ],
)
def test_stages_that_do_not_hang_together_are_named(then: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        parse_config(f"streams: [a.mp4]\nmodel: {{path: m, name: faces}}\nthen: {then}\n")


def test_a_stage_is_called_after_its_file() -> None:
    config = parse_config("streams: [a.mp4]\nmodel: m\nthen: [mask/, {model: b/points.onnx, from: mask}]\n")
    assert [(stage.name, stage.from_) for stage in config.then] == [("mask", ""), ("points", "mask")]


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config("streams: rtsp://user:sesame@host/x\nmodel: m\n", "p.yaml")
    assert "sesame" not in str(caught.value)


_words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
_share = st.floats(0, 1)
_model = st.fixed_dictionaries(
    {"path": _words},
    optional={
        "name": _words,
        "head": _words,
        "parser": _words,
        "tiles": st.booleans(),
        "color": st.sampled_from(["rgb", "bgr", "grey"]),
        "mean": st.lists(st.floats(-300, 300), min_size=1, max_size=3),
        "labels": st.one_of(_words, st.lists(_words, max_size=4)),
        "score": _share,
        "top": st.integers(1, 10_000),
        "per_class": st.dictionaries(_words, _share, max_size=3),
        "class_agnostic": st.booleans(),
        "head_options": st.dictionaries(_words, st.one_of(_words, st.integers(), st.booleans(), st.none()), max_size=3),
        "precision": st.sampled_from(["auto", "f32", "bf16", "f16"]),
        "exact": st.booleans(),
    },
)
_stage = st.fixed_dictionaries(
    {"path": _words},
    optional={
        "objects": st.lists(_words, max_size=2),
        "min_size_px": st.floats(0, 500) | st.tuples(st.floats(0, 500), st.floats(0, 500)),
        "grow": st.floats(0, 4),
        "remember": st.booleans() | st.fixed_dictionaries({}, optional={"frames": st.integers(0, 90)}),
        "parser": _words,
        "wait": st.booleans(),
    },
)
_stages = st.lists(_stage, max_size=3).map(lambda all: [{**one, "name": f"s{i}"} for i, one in enumerate(all)])
_stream = st.fixed_dictionaries(
    {"url": _words}, optional={"id": _words, "stream": st.none() | st.integers(0, 9), "rtsp_transport": st.just("udp")}
)
_pipeline = st.fixed_dictionaries(
    {"streams": st.lists(_stream, min_size=1, max_size=3), "model": _model},
    optional={
        "then": _stages,
        "limits": st.fixed_dictionaries(
            {}, optional={"duration_s": st.floats(0.001, 1e6), "interval": st.integers(0, 9), "loop": st.booleans()}
        ),
    },
)


@given(_pipeline)
@example({"streams": [{"url": "0E0"}], "model": {"path": "1e3", "labels": ["no", "0x1F", "~", "1_000"]}})
@settings(max_examples=120, deadline=None)
def test_what_is_written_is_read_back(data: dict[str, Any]) -> None:
    config = PipelineConfig.model_validate(data)
    assert parse_config(dump_config(config)) == config
    # any other reader of plain YAML sees the same values
    assert PipelineConfig.model_validate(yaml.safe_load(dump_config(config))) == config


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        said = f"p.yaml has {len(parse_config(text, 'p.yaml').streams)} streams"
    except ConfigError as error:  # anything else falls through and fails
        said = str(error)
    assert said.startswith("p.yaml")
