"""Applications with several primary models: a pipeline for each, over its own inputs; groups in other files."""

from __future__ import annotations

from pathlib import Path

import pytest

from sightline.errors import ConfigError, UsageError
from sightline.foreign.applications import Asked, application, applications
from sightline.foreign.places import Places
from tests.foreign.app_cases import write_files

PARALLEL = (
    "application:\n  enable-perf-measurement: 1\n"
    + "".join(f"source{i}:\n  enable: 1\n  type: 2\n  uri: file://{name}.mp4\n" for i, name in enumerate("abc"))
    + "tiled-display:\n  enable: 1\n  rows: 1\n  columns: 3\n"
    "sink0:\n  enable: 1\n  type: 3\n  output-file: out.mp4\n"
    "primary-gie0:\n  enable: 1\n  gie-unique-id: 1\n  config-file: pgie.txt\n"
    "branch0:\n  pgie-id: 1\n  src-ids: 0;1\n"
    "tracker0:\n  enable: 0\n  cfg-file-path: own.yml\n"
    "secondary-gie0:\n  enable: 1\n  cfg-file-path: more2.yml\n"
    "primary-gie1:\n  enable: 1\n  gie-unique-id: 4\n  config-file: pgie2.txt\n"
    "branch1:\n  pgie-id: 4\n  src-ids: 1;2\n"
    "tracker1:\n  enable: 1\n  cfg-file-path: own.yml\n"
    "nvds-analytics1:\n  enable: 1\n  cfg-file-path: rules.txt\n"
    "secondary-gie1:\n  enable: 0\n  cfg-file-path: more.yml\n"
    "meta-mux:\n  enable: 1\n  config-file: metamux.txt\n"
)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    write_files(tmp_path)
    (tmp_path / "app.yml").write_text(PARALLEL)
    return tmp_path / "app.yml"


def test_every_primary_model_is_a_pipeline(app: Path) -> None:
    made = applications([app], Places(), Asked())
    assert not made.faults
    first, second = made.pipelines["app-gie1"], made.pipelines["app-gie4"]
    assert [stream.id for stream in first.streams] == ["a.mp4", "b.mp4"]
    assert [stream.id for stream in second.streams] == ["b.mp4", "c.mp4"]
    assert [Path(stage.path).name for stage in first.then] == ["sgie2.txt", "sgie.txt"]
    assert second.then == ()
    assert first.tracker is None
    assert second.tracker is not None
    assert [sink.options["path"] for pipeline in (first, second) for sink in pipeline.sinks] == [
        "out-gie1.mp4", "out-gie4.mp4",
    ]  # fmt: skip


def test_one_that_cannot_run_stops_no_other(app: Path) -> None:
    app.write_text(PARALLEL.replace("src-ids: 1;2", "src-ids: 7"))
    made = applications([app], Places(), Asked())
    assert list(made.pipelines) == ["app-gie1"]
    assert "src-ids 7: there are 3 inputs, from 0 on" in made.faults["app-gie4"]


def test_without_branches_it_is_an_error(app: Path) -> None:
    text = PARALLEL.replace("branch0:\n  pgie-id: 1\n  src-ids: 0;1\n", "")
    app.write_text(text.replace("branch1:\n  pgie-id: 4\n  src-ids: 1;2\n", ""))
    with pytest.raises(ConfigError, match="second primary model"):
        applications([app], Places(), Asked())


def test_several_pipelines_do_not_share_results(app: Path) -> None:
    with pytest.raises(UsageError, match="2 primary models"):
        applications([app], Places(), Asked(results="out.jsonl"))


def test_a_group_in_a_file_that_is_missing(app: Path) -> None:
    (app.parent / "own.yml").unlink()
    made = applications([app], Places(), Asked())
    assert "own.yml" in made.faults["app-gie4"]
    assert list(made.pipelines) == ["app-gie1"]


def test_migrate_says_that_there_are_several(app: Path) -> None:
    with pytest.raises(ConfigError, match="second primary model"):
        application(app, Places())
