"""The table of identification: what counts as right, and that nothing made here is silently taken wrongly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.expectations import Folder, differences
from benchmarks.identification import RIGHT, WRONG, Line, generated, table
from benchmarks.seeing import ENDS, Feed, network
from sightline.types import Attribute, Detections, Prediction

FOLDER = Folder(Path(), (), {}, loose=False, by_id=False)


@pytest.mark.parametrize("end", ["yolov8", "ultraface"])
def test_a_few_generated_models(end: str) -> None:
    (line,) = generated((end,), full=False)
    assert not line.verdicts["usual, file"][WRONG]
    assert line.verdicts["usual, file"][RIGHT] == 2
    assert line.verdicts["in the graph, file"][RIGHT] == 2
    for column, verdicts in line.verdicts.items():
        if column.endswith("pictures"):
            assert not verdicts[WRONG], (column, line.notes)


def test_every_end_is_a_network() -> None:
    import onnx

    for end in ENDS:
        onnx.checker.check_model(network(end, Feed(layout="NHWC", inside=True)), full_check=True)


def boxes(*rows: tuple[float, float, float, float, float]) -> Prediction:
    a = np.array(rows, np.float32).reshape(-1, 5)
    return Prediction(Detections(a[:, :4], a[:, 4], np.zeros(len(a), np.int32), ("dog",)))


def test_differences_of_objects() -> None:
    row = {"detections": [{"label": "dog", "score": 0.8, "xyxy": [10, 10, 50, 60]}], "score_threshold": 0.3}

    def told(said: Prediction) -> str:
        return differences(FOLDER, row, said, ("dog",), (100, 100))

    assert told(boxes((10, 10, 50, 60, 0.81))) == ""
    assert "misses dog" in told(boxes())
    assert "overlap" in told(boxes((10, 10, 38, 60, 0.8)))
    assert "score" in told(boxes((10, 10, 50, 60, 0.5)))
    assert "invents 1" in told(boxes((10, 10, 50, 60, 0.8), (70, 70, 90, 90, 0.9)))
    assert told(boxes((10, 10, 50, 60, 0.8), (70, 70, 90, 90, 0.31))) == ""


def test_differences_of_whole_views() -> None:
    def told(row: dict[str, object], said: Prediction) -> str:
        return differences(FOLDER, row, said, (), (100, 100))

    said = Prediction(attributes=(Attribute("class", "cat", 0.9, 4),))
    assert told({"top": [{"class_id": 4, "score": 0.9}]}, said) == ""
    assert told({"top": [{"class_id": 5, "score": 0.9}]}, said) != ""
    vector = np.full(16, 0.25, np.float32)
    assert told({"first8": [0.5] * 8, "norm": 2.0}, Prediction(embedding=vector)) == ""
    assert told({"first8": [-0.5] * 8, "norm": 2.0}, Prediction(embedding=vector)) != ""
    assert told({"text": "ab"}, Prediction(text="ab")) == ""
    assert told({"text": "ab"}, Prediction(text="abc")) != ""


def test_the_table_counts() -> None:
    first, second = Line("one"), Line("two")
    first.add("file", "right")
    second.add("file", "question")
    assert table([first, second]).splitlines()[2:] == ["| one | right |", "| two | question |", "| all | 1 / 1 / 0 |"]
