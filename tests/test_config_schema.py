"""The schema of pipeline files is the shipped one, and says what the loader says."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from sightline.config_schema import pipeline_schema
from sightline.config_text import parse_config
from sightline.errors import ConfigError

GOOD = """
streams: [a.mp4, 0, {url: b.mp4, id: gate, analytics: [{kind: line, name: l, points: [[0, 0.5], [1, 0.5]]}]}]
model: {path: m.onnx, score: 0.4, mean: 127, scale: [1, 2, 3], labels: [no, yes], precision: bf16}
tracker: bytetrack
analytics: [{kind: zone, name: yard, points: [[0, 0], [1, 0], [1, 1]], dwell_s: 3}]
overlay: {}
sinks: [{kind: video, path: out/, crf: 30}, {kind: jsonl, path: '-', payload: deepstream-minimal},
  {kind: webhook, url: 'http://h/', payload: {kind: deepstream, sensors: {'0': {id: gate, location: [1, 2, 3]}}}},
  {kind: record, path: clips/, zones: [yard]}]
limits: {frames: 10, crop: [0, 0, 0.5, 1]}
"""
BAD = (
    "streams: [a]",
    "streams: [a]\nmodle: m\nmodel: m",
    "streams: [a]\nmodel: {path: m, score: 2}",
    "streams: [a]\nmodel: {path: m, precision: f12}",
    "streams: [a]\nmodel: m\ntracker: {kind: bytetrack, lsot_s: 1}",
    "streams: [a]\nmodel: m\nanalytics: [{kind: line, name: l}]",
    "streams: [a]\nmodel: m\nsinks: [{kind: video, path: o.mp4, crf: low}]",
    "streams: [a]\nmodel: m\nsinks: [{kind: jsonl, path: '-', payload: {kind: deepstream, evry: 2}}]",
    "streams: [a]\nmodel: m\nsinks: [{kind: jsonl, path: '-', payload: {kind: deepstream, sensors: {a: {idd: 2}}}}]",
    "streams: [a]\nmodel: m\nsinks: [{kind: jsonl, path: '-', payload: {every: 2}}]",
    "streams: []\nmodel: m",
)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(files("sightline").joinpath("pipeline.schema.json").read_text())


def test_the_shipped_schema_is_current(schema: dict[str, Any]) -> None:
    assert schema == json.loads(json.dumps(pipeline_schema())), (
        "sightline check --schema > src/sightline/pipeline.schema.json"
    )
    Draft202012Validator.check_schema(schema)


def test_what_the_loader_reads_is_valid(schema: dict[str, Any]) -> None:
    assert parse_config(GOOD).streams
    assert Draft202012Validator(schema).is_valid(yaml.safe_load(GOOD.replace("[no, yes]", "['no', 'yes']")))


@pytest.mark.parametrize("text", BAD)
def test_what_the_loader_refuses_is_not(text: str, schema: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        parse_config(text)
    assert not Draft202012Validator(schema).is_valid(yaml.safe_load(text))
