"""IR files: read in both versions, refused where damaged, swapped or meant to harm."""

from __future__ import annotations

import contextlib
import random
import re
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as op

from sightline.errors import ModelError
from sightline.models.graphs.read_openvino import read_openvino


def _saved(folder: Path, half: bool = False, seed: int = 0) -> tuple[Path, Path]:
    """A convolution of 3 to 5 channels, its tensors named with a comma in one of them."""
    x = op.parameter([1, 3, 8, 8], np.float32, name="images")
    x.output(0).get_tensor().set_names({"images"})
    weights = op.constant(np.random.default_rng(seed).normal(size=(5, 3, 3, 3)).astype(np.float32))
    made = op.convolution(x, weights, [1, 1], [1, 1], [1, 1], [1, 1])
    made.output(0).get_tensor().set_names({"maps, all"})
    model = ov.Model([op.result(made)], [x], "net")  # type: ignore[misc]
    model.set_rt_info("detect", "task")
    path = folder / "net.xml"
    ov.save_model(model, str(path), compress_to_fp16=half)
    return path, path.with_suffix(".bin")


@pytest.mark.parametrize("half", [False, True])
def test_names_shapes_and_constants(tmp_path: Path, half: bool) -> None:
    graph = read_openvino(*_saved(tmp_path, half))
    assert [(i.name, i.shape, i.dtype) for i in graph.inputs] == [("images", (1, 3, 8, 8), "float32")]
    assert [(o.name, o.shape) for o in graph.outputs] == [("maps, all", (1, 5, 8, 8))]
    assert graph.metadata["task"] == "detect"
    conv = next(node for node in graph.nodes if node.op == "Conv")
    value = graph.value(conv.inputs[1])
    assert value is not None
    wanted = np.random.default_rng(0).normal(size=(5, 3, 3, 3))
    np.testing.assert_allclose(value.astype(np.float64), wanted, atol=2e-3 if half else 1e-6)


def test_version_ten_and_a_bin_of_another_stem(tmp_path: Path) -> None:
    xml, weights = _saved(tmp_path)
    xml.write_text(xml.read_text().replace('version="11"', 'version="10"'))
    other = weights.rename(tmp_path / "weights_fp32.bin")
    assert [o.shape for o in read_openvino(xml, other).outputs] == [(1, 5, 8, 8)]


def test_old_versions_are_refused(tmp_path: Path) -> None:
    xml, weights = _saved(tmp_path)
    xml.write_text(xml.read_text().replace('version="11"', 'version="7"'))
    with pytest.raises(ModelError, match="version 7"):
        read_openvino(xml, weights)


def test_weights_must_be_as_long_as_the_xml_says(tmp_path: Path) -> None:
    xml, weights = _saved(tmp_path)
    good = weights.read_bytes()
    weights.write_bytes(good[:-8])
    with pytest.raises(ModelError, match="shorter than its xml says"):
        read_openvino(xml, weights)
    weights.write_bytes(good + bytes(100_000))
    with pytest.raises(ModelError, match="longer than its xml says"):
        read_openvino(xml, weights)
    weights.write_bytes(good + bytes(64))
    read_openvino(xml, weights)


@pytest.mark.parametrize(
    "text",
    [
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><net>&b;</net>',
        '<?xml version="1.0"?><!DOCTYPE net SYSTEM "file:///etc/passwd"><net version="11"><layers/><edges/></net>',
    ],
)
def test_document_types_are_refused_unread(tmp_path: Path, text: str) -> None:
    xml, weights = _saved(tmp_path)
    xml.write_text(text)
    with pytest.raises(ModelError, match="document type"):
        read_openvino(xml, weights)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (r'offset="\d+"', 'offset="-4"', "bytes at -4"),
        (r'size="\d+"', 'size="12"', "has 12 bytes"),
        (r'size="\d+"', 'size="many"', "invalid literal"),
        (r'shape="5, 3, 3, 3"', 'shape="99999,99999,99999"', "for the shape"),
        ('version="11"', 'version="eleven"', "invalid literal"),
        (r"<net ", "<nett ", "not an OpenVINO IR"),
        (r"<layers>", "<layer>", "not an OpenVINO IR"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    xml, weights = _saved(tmp_path)
    changed, count = re.subn(old, new, xml.read_text(), count=1)
    assert count
    xml.write_text(changed)
    with pytest.raises(ModelError, match=told):
        read_openvino(xml, weights)


def test_random_damage_is_a_model_error_or_a_graph(tmp_path: Path) -> None:
    xml, weights = _saved(tmp_path)
    good, dice = xml.read_bytes(), random.Random(3)
    places = [match.span() for match in re.finditer(rb"\d+", good)]
    for _ in range(150):
        data = bytearray(good)
        first, last = dice.choice(places)
        data[first:last] = dice.choice((b"0", b"-1", b"999999999999", b"x", b""))
        for _ in range(dice.choice((0, 1, 3))):
            data[dice.randrange(len(data))] = dice.randrange(32, 127)
        xml.write_bytes(bytes(data[: dice.choice((len(data), dice.randrange(len(data))))]))
        with contextlib.suppress(ModelError):
            read_openvino(xml, weights)
