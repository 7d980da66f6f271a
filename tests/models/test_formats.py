"""What a model's file is, by how it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from sightline.models.formats import format_of_file, is_configuration

FORMS = {
    "a.txt": "[property]\r\nonnx-file=m.onnx\r\n",
    "b.yml": "property:\n  onnx-file: m.onnx\n",
    "c.txt": "infer_config {\n  unique_id: 1\n}\n",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("name", FORMS)
def test_configurations_with_marks_of_order_and_odd_letters(name: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes((FORMS[name] + "# Straße\n").encode(encoding))
    assert format_of_file(path) == "nvinfer"
    assert is_configuration(path)


def test_other_texts_are_none(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("\ufeffproperty\nperson\n", "utf-8")
    assert format_of_file(path) == ""
    assert not is_configuration(path)
