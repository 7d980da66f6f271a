"""Fields of config.pbtxt that are called honoured or translated change what is imported."""

from __future__ import annotations

from pathlib import Path

import pytest
from networks import yolov8

from sightline.errors import ModelError
from sightline.foreign.kinds import kind_of
from sightline.foreign.side_kinds import SIDE_KINDS
from sightline.foreign.triton_keys import GROUPS
from sightline.foreign.written import read_written
from sightline.models.importers.seam import Foreign
from sightline.models.importers.triton import read

INPUT = 'input { name: "images" data_type: TYPE_FP32 dims: [1, 3, 640, 640] }'
OUTPUT = 'output { name: "output0" data_type: TYPE_FP32 dims: [1, 6, -1] label_filename: "names.txt" }'
PLATFORM = 'platform: "onnxruntime_onnx"'
CASES = {
    ("", "name"): ('name: "a"', 'name: "b"'),
    ("", "platform"): ('platform: "onnxruntime_onnx"', 'platform: "python"'),
    ("", "backend"): ('backend: "onnxruntime"', 'backend: "python"'),
    ("", "default_model_filename"): ('default_model_filename: "model.onnx"', 'default_model_filename: "other.onnx"'),
    ("", "max_batch_size"): ("max_batch_size: 0", "max_batch_size: 8"),
    ("input", "name"): (INPUT, INPUT.replace("images", "pictures")),
    ("input", "dims"): (INPUT, INPUT.replace("640, 640", "320, 320")),
    ("output", "name"): (OUTPUT, OUTPUT.replace("output0", "output1")),
    ("output", "label_filename"): (OUTPUT, OUTPUT.replace("names.txt", "others.txt")),
    ("version_policy.specific", "versions"): (
        "version_policy { specific { versions: [1] } }",
        "version_policy { specific { versions: [2] } }",
    ),
}


def imported(folder: Path, config: str) -> object:
    """What is made of a model with this description, or what is said against it."""
    folder.mkdir(parents=True)
    (folder / "names.txt").write_text("car\nbus\n")
    (folder / "others.txt").write_text("cat\ndog\n")
    for version in ("1", "2"):
        (folder / version).mkdir()
        yolov8(2).save(folder / version / "model.onnx")
        yolov8(2).save(folder / version / "other.onnx")
    (folder / "config.pbtxt").write_text(config)
    assert kind_of(read_written(folder / "config.pbtxt")) is SIDE_KINDS["triton"]
    work = folder.parent / "work"
    work.mkdir()
    try:
        made = read(Foreign("triton", folder, folder, work, whole=True))
    except ModelError as error:
        return str(error).replace(str(folder), "")
    return made.manifest, made.weights.relative_to(folder)


@pytest.mark.parametrize(
    ("group", "key"),
    [(g, k) for g, table in GROUPS.items() for k in table if table[k].status != "ignored"],
)
def test_every_field_that_counts(group: str, key: str, tmp_path: Path) -> None:
    rest = [] if key in ("platform", "backend") else [PLATFORM]
    rest += [INPUT] if group != "input" and key != "max_batch_size" else []
    rest += [OUTPUT] if group != "output" and key != "max_batch_size" else []
    if key == "max_batch_size":
        rest += [INPUT.replace("1, 3,", "3,"), OUTPUT.replace("1, 6", "6")]
    first, second = (
        imported(tmp_path / part / "street", "\n".join([*rest, text]))
        for part, text in zip("ab", CASES[group, key], strict=True)
    )
    assert first != second


def test_no_case_is_for_a_field_that_counts_for_nothing() -> None:
    assert all(GROUPS[group][key].status != "ignored" for group, key in CASES)
