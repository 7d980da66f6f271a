"""docs/views.md: its commands run on small networks made here, and give what the page says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest

from sightline.cli import main
from sightline.models.graphs.graph_writer import GraphWriter
from sightline.plugins import resolve

PAGE = Path(__file__).parents[2] / "docs" / "views.md"
FED = "input: {color: rgb, mean: [0], scale: [255], resize: stretch}\n"


def model(folder: Path, net: GraphWriter, said: str = "", **files: str) -> None:
    folder.mkdir()
    (folder / f"{folder.name}.onnx").write_bytes(net.finish().SerializeToString())
    (folder / "model.yaml").write_text(f"format: 1\nweights: {folder.name}.onnx\n{FED}{said}")
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)


def means(net: GraphWriter, size: tuple[int, int] = (16, 16)) -> str:
    """The mean red, green and blue of the picture (1, 3)."""
    pooled = net.node("GlobalAveragePool", [net.input("images", (1, 3, size[1], size[0]))])
    return net.node("Reshape", [pooled, net.constant(np.array([1, 3], np.int64))])


def named(net: GraphWriter, tensor: str, shape: tuple[int, ...]) -> GraphWriter:
    net.output(net.named(tensor, "out"), shape)
    return net


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    net = GraphWriter("net")
    shares = net.node("Softmax", [net.node("Mul", [means(net), net.constant(np.array([5], np.float32))])], axis=1)
    model(tmp_path / "classifier", named(net, shares, (1, 3)), labels="red\ngreen\nblue\n")
    net = GraphWriter("net")
    # one number less than the mean of all, so that red and blue point apart
    centred = net.node("Sub", [means(net), net.constant(np.array([0.3], np.float32))])
    model(tmp_path / "faces", named(net, centred, (1, 3)), "head: embed\n")
    net = GraphWriter("net")
    model(
        tmp_path / "areas",
        named(net, net.node("Relu", [net.input("images", (1, 3, 24, 32))]), (1, 3, 24, 32)),
        "head: semantic\nlabels: [red, green, blue]\n",
    )
    net = GraphWriter("net")
    columns = net.node("ReduceMean", [net.input("images", (1, 3, 32, 96))], axes=[2], keepdims=0)
    steps = net.node("Softmax", [net.node("Transpose", [columns], perm=[0, 2, 1])], axis=2)
    model(tmp_path / "reader", named(net, steps, (1, 96, 3)), "head: ctc\n", dict="G\nB\n")
    net = GraphWriter("net")
    bright = net.node("ReduceMax", [net.input("images", (1, 3, 48, 64))], axes=[1], keepdims=1)
    model(tmp_path / "finder", named(net, bright, (1, 1, 48, 64)), "head: db-text\nlabels: [text]\n")
    # left half green, right half blue, on black: two texts, two letters, two areas
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, 4:28, 1], picture[:, 36:60, 0] = 255, 255
    picture[:12], picture[36:] = 0, 0
    for path, pixels in (
        ("picture.jpg", picture),
        ("people/anna/1.jpg", np.full((16, 16, 3), (0, 0, 255), np.uint8)),
        ("people/ben/1.jpg", np.full((16, 16, 3), (255, 0, 0), np.uint8)),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / path), pixels, [cv2.IMWRITE_JPEG_QUALITY, 100])
    return tmp_path


def frame(path: Path) -> dict[str, object]:
    return next(line for line in map(json.loads, path.read_text().splitlines()) if line["type"] == "frame")


def test_the_commands_of_the_page_give_what_it_says(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = PAGE.read_text("utf-8")
    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        for line in block.strip().splitlines():
            words = shlex.split(line)
            assert words[0] == "sightline"
            assert main(words[1:]) == 0, f"{line}\n{capsys.readouterr().err}"
    said = frame(here / "said.jsonl")["attributes"]
    assert isinstance(said, list)
    assert [(a["name"], a["class"]) for a in said] == [("class", a["class"]) for a in said]
    assert sorted(a["label"] for a in said) == ["blue", "green", "red"]
    assert said[2]["label"] == "red"
    who = frame(here / "who.jsonl")
    assert who["attributes"] == [{"name": "identity", "label": "anna", "class": 0, "score": pytest.approx(1, abs=0.01)}]
    assert np.linalg.norm(np.array(who["embedding"])) == pytest.approx(1, abs=1e-4)
    assert frame(here / "areas.jsonl")["map"] == "picture.jpg/000000.png"
    assert (here / "maps/picture.jpg/000000.png").exists()
    assert frame(here / "text.jsonl")["text"] == "GB"
    where = frame(here / "where.jsonl")["objects"]
    assert isinstance(where, list)
    assert len(where) == 2
    assert all(o["label"] == "text" and len(o["obb"]) == 5 for o in where)


def test_every_option_that_the_page_names_is_one() -> None:
    page = PAGE.read_text("utf-8")
    for head, options in {
        "classify": ("names", "outputs"),
        "embed": ("gallery", "normalise", "distance", "least"),
        "ctc": ("blank", "axes", "merge"),
        "db-text": ("unclip", "binarize"),
    }.items():
        kind = resolve("head", head)
        for option in options:
            assert option in getattr(kind, "__dataclass_fields__", {})
            assert option in page
