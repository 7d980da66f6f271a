"""The Python door: load and run do what the command line does, and leave nothing behind."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import sightline
from sightline.errors import ModelError, UsageError
from sightline.pictures import rgb
from sightline.sources.synthetic import SyntheticSource

MODEL = str(Path(sightline.__file__).parent / "assets" / "demo")
SCENE = "synthetic://street?seconds=2&width=640&height=360&seed=5"


def picture() -> np.ndarray:
    frame = next(iter(SyntheticSource(seed=5, width=640, height=360).frames()))
    assert frame.picture is not None
    return rgb(frame.picture)


def test_importing_is_cheap_and_complete() -> None:
    script = "import sightline, sys; print('numpy' in sys.modules, sorted(sightline.__all__) == dir(sightline))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
    assert all(hasattr(sightline, name) for name in sightline.__all__)
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = sightline.nothing_such  # pyright: ignore[reportAttributeAccessIssue]


def test_a_detector_is_called_with_a_picture() -> None:
    with sightline.load(MODEL) as detector:
        found = detector(picture())
        assert len(found) > 0
        assert found.names == detector.spec.labels
        again = detector(picture()[:, :, ::1].copy())
        np.testing.assert_array_equal(found.xyxy, again.xyxy)
        assert len(detector(np.zeros((20, 30), np.uint8))) == 0
    with sightline.load(MODEL, score=0.9) as sure:
        assert len(sure(picture())) <= len(found)


def test_everything_a_model_says_of_a_picture() -> None:
    with sightline.load(MODEL) as detector:
        said = detector.predict(picture())
        assert said.detections.equals(detector(picture()))
        assert (said.attributes, said.classmap, said.embedding, said.text) == ((), None, None, None)


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_other_arrays_are_refused(wrong: np.ndarray) -> None:
    with sightline.load(MODEL) as detector, pytest.raises(ValueError, match="picture: expected"):
        detector(wrong)


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(ModelError, match=r"none\.onnx"):
        sightline.load("none.onnx")
    with pytest.raises(UsageError, match="--score"):
        sightline.load(MODEL, score=3)
    with pytest.raises(UsageError, match=r"scroe.*score"):
        sightline.load(MODEL, scroe=0.3)
    with pytest.raises(UsageError, match="no input"):
        sightline.run(MODEL)


def test_run_gives_every_frame_and_counts() -> None:
    results = list(sightline.run(MODEL, SCENE, line="gate=0,0.5,1,0.5", limit="20f", pictures=True))
    assert [result.frame.index for result in results] == list(range(20))
    assert set(results[-1].counts) == {"gate"}
    assert any(len(result.tracks.id) for result in results)
    last = results[-1].frame.picture
    assert last is not None
    assert rgb(last).shape == (360, 640, 3)


def test_leaving_the_loop_ends_every_thread() -> None:
    before = {thread.name for thread in threading.enumerate()}
    for result in sightline.run(MODEL, SCENE):
        if result.frame.index == 3:
            break
    del result
    left = {thread.name for thread in threading.enumerate()} - before
    assert not {name for name in left if name.startswith("sightline")}


def test_files_are_written_only_where_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    list(sightline.run(MODEL, SCENE, limit="3f"))
    assert list(tmp_path.iterdir()) == []
    list(sightline.run(MODEL, SCENE, limit="3f", results="r.jsonl", output="o.mp4"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.mp4", "r.jsonl"]


def test_a_cascade_by_words_and_by_a_pipeline_file(tmp_path: Path) -> None:
    stage = {"model": MODEL, "name": "again", "objects": ["car"], "grow": 0.2}
    found = [r for r in sightline.run(MODEL, SCENE, then=[stage], limit="6f") if r.inside]
    assert found
    assert {(one.of, one.detections.stage) for r in found for one in r.inside} == {("model", "again")}
    file = tmp_path / "cars.yaml"
    file.write_text(
        f"streams: ['{SCENE}']\nmodel: {MODEL}\nthen: [{{model: {MODEL}, name: again, objects: [car], grow: 0.2}}]\n"
        "limits: {frames: 6}\n"
    )
    same = [r for r in sightline.run(str(file)) if r.inside]
    assert [len(r.inside[0].detections) for r in same] == [len(r.inside[0].detections) for r in found]


def test_stages_that_cannot_be_are_said() -> None:
    with pytest.raises(UsageError, match="two stages are called 'demo'"):
        sightline.run(MODEL, SCENE, then=[MODEL, MODEL])
    with pytest.raises(UsageError, match="unknown option 'form'; did you mean 'from'"):
        sightline.run(MODEL, SCENE, then=[{"model": MODEL, "form": "model"}])
