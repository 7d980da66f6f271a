"""Stages of a pipeline file -> secondary models: what each looks at, after whom, and what cannot be."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from sightline.analytics.zone import Zone
from sightline.config_text import parse_config
from sightline.errors import UsageError
from sightline.models.graphs.graph_writer import GraphWriter
from sightline.overlays.boxes import BoxOverlay
from sightline.pipeline.build import build
from sightline.pipeline.build_models import build_model, build_stages, by_name
from sightline.pipeline.cascade import Stage

FED = "input: {color: rgb, mean: [0], scale: [255], resize: stretch}\n"


def numbers(folder: Path, count: int, said: str, *, views: int = 1) -> None:
    """A model that gives `count` means of its picture; `said` are lines of its manifest."""
    folder.mkdir()
    net = GraphWriter("net")
    pooled = net.node("GlobalAveragePool", [net.input("images", (1, 3 * views, 16, 16))])
    row = net.node("Reshape", [pooled, net.constant(np.array([1, 3 * views], np.int64))])
    wide = net.node("Concat", [row] * -(-count // (3 * views)), axis=1)
    net.output(net.named(wide, "out"), (1, count))
    (folder / "net.onnx").write_bytes(net.finish().SerializeToString())
    (folder / "model.yaml").write_text(f"format: 1\nweights: net.onnx\n{said}")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "street").symlink_to(Path(str(files("sightline") / "assets" / "demo")), target_is_directory=True)
    numbers(tmp_path / "color", 3, f"head: classify\nlabels: [red, green, blue]\n{FED}")
    numbers(tmp_path / "who", 3, f"head: embed\n{FED}")
    window = FED.replace("{", "{source: 'window:3', layout: NCHW, ")
    numbers(tmp_path / "past", 9, f"head: classify\nlabels: [a, b, c, d, e, f, g, h, i]\n{window}", views=3)
    (tmp_path / "finds.py").write_text("def parse(outputs, spec, view):\n    return None\n")
    (tmp_path / "says.py").write_text("gie_unique_id = 2\ndef parse_sgie_model(config, raw):\n    return 1\n")
    return tmp_path


def built(then: str, more: str = "tracker: bytetrack", model: str = "{path: street/, name: things}") -> list[Stage]:
    return both(then, more, model)[0]


def both(then: str, more: str, model: str = "{path: street/, name: things}") -> tuple[list[Stage], list[str]]:
    config = parse_config(f"streams: [a.mp4]\nmodel: {model}\nthen: {then}\n{more}\n")
    return build_stages(config, build_model(config.model, config)[0])


@pytest.mark.parametrize(
    ("then", "more", "message"),
    [
        ("[{model: color/, tiles: true}]", "", "tiles are for the first model"),
        ("[{model: color/, regions: [{box: [0, 0, 1, 1]}]}]", "", "regions are for the first model"),
        ("[{model: color/, smooth: 3}]", "", "smooth needs tracks"),
        ("[{model: color/, wait: false}]", "", "wait: false needs tracks"),
        ("[{model: past/}]", "", "looks at the past of objects, needs tracks"),
        ("[{model: color/, objects: [persn]}]", "", "unknown label 'persn'; did you mean 'person'"),
        (
            "[{model: who/, remember: true}]",
            "tracker: {kind: botsort, appearance: who}",
            "'who': remember: the tracker",
        ),
        (
            "[{model: who/, wait: false}]",
            "tracker: {kind: botsort, appearance: who}",
            "'who': wait: false: the tracker",
        ),
        ("[{model: who/}]", "tracker: {kind: botsort, appearance: whom}", "'whom' is no stage"),
        (
            "[street/, {model: who/, from: street}]",
            "tracker: {kind: botsort, appearance: who}",
            "first model's objects",
        ),
    ],
)
def test_what_cannot_be_is_told_with_the_stage(then: str, more: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        built(then, more)


def test_a_stage_below_one_that_only_says_something_looks_at_the_same_objects() -> None:
    color, shade, spot, tint = built(
        "[color/, {name: shade, model: color/, from: color}, {name: spot, model: street/}, "
        "{name: tint, model: color/, from: spot}]"
    )
    assert [(s.name, s.of, sorted(s.after)) for s in (color, shade, spot, tint)] == [
        ("color", "things", []),
        ("shade", "things", ["color"]),
        ("spot", "things", []),
        ("tint", "spot", ["spot"]),
    ]


def test_below_a_parser_it_is_what_the_parser_finds_or_that_which_it_looked_at() -> None:
    finds, on_found, says, on_same = built(
        "[{name: f, model: color/, parser: finds.py}, {name: a, model: color/, from: f}, "
        "{name: s, model: color/, parser: says.py}, {name: b, model: color/, from: s}]"
    )
    assert (finds.of, on_found.of, says.of, on_same.of) == ("things", "f", "things", "things")


def test_the_trackers_stage_comes_before_it() -> None:
    who, color = built("[who/, color/]", "tracker: {kind: botsort, appearance: who}")
    assert who.early
    assert who.least > 0
    assert not color.early


@pytest.mark.parametrize(
    ("then", "model", "doubt"),
    [
        ("[who/, {name: more, model: who/}]", "{path: street/, name: things}", "more: an object has one embedding"),
        ("[who/]", "{path: color/, name: color}", "who: net finds no objects"),
        ("[who/]", "{path: street/, name: things}", ""),
    ],
)
def test_what_is_not_as_it_seems_is_told(then: str, model: str, doubt: str) -> None:
    _, told = both(then, "", model)
    warnings = [w for w in told if "hashes" not in w]
    assert [w for w in warnings if doubt and doubt in w] == warnings
    assert bool(warnings) is bool(doubt)


def test_of_an_object_the_best_class_is_told() -> None:
    one, five = built("[color/, {name: five, model: color/, top: 5}]")
    assert one.asking.model.spec.thresholds.top == 1
    assert five.asking.model.spec.thresholds.top == 5


def test_classes_that_are_called_by_number() -> None:
    (stage,) = built("[{model: color/, objects: [class2, class0, class77]}]")
    assert stage.choice.labels == {"bike", "person", "class77"}
    assert by_name(["class1", "person"], ["class1", "person"]) == ("class1", "person")
    none = ("class", "class-1", "class\u00b2", "classic")
    assert by_name(none, ["a", "b", "c"]) == none


def test_rules_and_colours_of_classes_that_are_called_by_number(here: Path) -> None:
    (here / "a.mp4").write_bytes(b"not read here")
    rule = "{kind: zone, name: a, points: [[0, 0], [1, 0], [1, 1]], classes: [class1, class9]}"
    config = parse_config(
        f"streams: [a.mp4]\nmodel: street/\nanalytics: [{rule}]\n"
        "overlay: {kind: boxes, colors: {class0: '#ff0000', class1: '#00ff00', car: '#0000ff'}}\n"
    )
    (lane,) = build(config).lanes
    (zone,) = lane.analytics
    assert isinstance(zone, Zone)
    assert zone.classes == ("car", "class9")
    assert isinstance(lane.overlay, BoxOverlay)
    colors = lane.overlay.colors
    assert (colors["person"], colors["car"], colors["class0"]) == ("#ff0000", "#0000ff", "#ff0000")
