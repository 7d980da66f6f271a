"""Bundles: everything a model needs in one place, every byte checked, the same again when read back."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import yaml
from networks import yolov8

from sightline.config import ModelConfig
from sightline.errors import ConfigError, ModelError, UndecidedError, UsageError
from sightline.models.arrival import arrive
from sightline.models.bundle import write_bundle
from sightline.models.describe import describe
from sightline.models.identify import Identified, identify
from sightline.models.manifest import Origin, load_manifest


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "from"
    folder.mkdir()
    (folder / "labels.txt").write_text("\n".join(f"thing {i}" for i in range(80)), "utf-8")
    (folder / "LICENSE").write_text(
        "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy"
    )
    return yolov8().save(folder / "people.onnx")


def identified(path: Path, **flags: object) -> Identified:
    return identify(ModelConfig.model_validate({"path": str(path), **flags}))


@pytest.mark.parametrize("name", ["bundle", "bundle.sightline"])
def test_a_bundle_says_the_same_as_the_files_it_came_from(tmp_path: Path, model: Path, name: str) -> None:
    found = identified(model.parent, score=0.35)
    target = write_bundle(found, tmp_path / name)
    model.unlink()
    again = identified(target)
    assert again.decided
    assert replace(again.spec, inputs=(), outputs=()) == replace(found.spec, inputs=(), outputs=())
    assert again.spec.inputs == found.spec.inputs
    assert again.spec.thresholds.score == 0.35
    assert again.spec.labels[3] == "thing 3"
    assert again.spec.licence == "MIT"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["from", name])


def test_a_zip_of_the_same_model_has_the_same_bytes(tmp_path: Path, model: Path) -> None:
    found = identified(model.parent)
    one, two = (write_bundle(found, tmp_path / f"{i}.sightline").read_bytes() for i in "ab")
    assert one == two
    assert "LICENSE" in zipfile.ZipFile(tmp_path / "a.sightline").namelist()


@pytest.mark.parametrize("file", ["people.onnx", "LICENSE"])
def test_a_changed_or_missing_file_is_named(tmp_path: Path, model: Path, file: str) -> None:
    bundle = write_bundle(identified(model.parent), tmp_path / "bundle")
    kept = (bundle / file).read_bytes()
    (bundle / file).write_bytes(kept[:-1] + b"\0")
    with pytest.raises(ModelError, match=rf"{file}: changed since the bundle was made"):
        arrive(bundle)
    (bundle / file).unlink()
    with pytest.raises(ModelError, match=rf"{file} is missing"):
        arrive(bundle)


def test_a_manifest_is_written_and_changed_by_hand(tmp_path: Path, model: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "net.onnx").write_bytes(model.read_bytes())
    (tmp_path / "mine" / "model.yaml").write_text("weights: net.onnx\nname: door\nthresholds: {score: 0.6}\n")
    found = identified(tmp_path / "mine")
    assert (found.spec.name, found.spec.thresholds.score) == ("door", 0.6)
    assert any("names no hashes" in line for line in found.warnings)
    (tmp_path / "mine" / "model.yaml").write_text("weights: ../from/people.onnx\n")
    with pytest.raises(ModelError, match="outside its folder"):
        arrive(tmp_path / "mine")
    (tmp_path / "mine" / "model.yaml").write_text("format: 9\nweights: net.onnx\n")
    with pytest.raises(ConfigError, match=r"model.yaml:1: format 9 is newer"):
        arrive(tmp_path / "mine")


def test_nothing_else_is_written_over(tmp_path: Path, model: Path) -> None:
    found = identified(model.parent)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    with pytest.raises(UsageError, match="other things in it"):
        write_bundle(found, tmp_path / "photos")
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(UsageError, match="is a file"):
        write_bundle(found, tmp_path / "file")
    bundle = write_bundle(found, tmp_path / "bundle")
    write_bundle(identified(model.parent, score=0.5), bundle)
    assert identified(bundle).spec.thresholds.score == 0.5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundle", "file", "from", "photos"]


def test_what_is_undecided_is_not_packed(tmp_path: Path, model: Path) -> None:
    found = replace(identified(model.parent), decided=False, question="which?")
    with pytest.raises(UndecidedError, match=r"which\?"):
        write_bundle(found, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_weights_in_files_of_their_own_travel_along(tmp_path: Path, model: Path) -> None:
    net = onnx.load(str(model))
    onnx.save(net, str(model), save_as_external_data=True, location="people.data", size_threshold=0)
    bundle = write_bundle(identified(model.parent), tmp_path / "bundle")
    assert set(load_manifest(bundle / "model.yaml").files) == {"people.onnx", "people.data", "LICENSE"}
    assert identified(bundle).spec.sha256 == identified(model.parent).spec.sha256


def test_where_a_bundle_comes_from_is_kept_through_a_second_import(tmp_path: Path, model: Path) -> None:
    origin = Origin(
        format="darknet", url="https://host/m.zip", url_sha256="a" * 64, checked=True, files={"x": "b" * 64}
    )
    first = write_bundle(identified(model.parent), tmp_path / "one", origin)
    second = write_bundle(identified(first), tmp_path / "two.sightline")
    told = describe(identified(second))["origin"]
    assert isinstance(told, dict)
    assert (told["format"], told["url"], told["checked"], told["files"]) == (
        "darknet",
        "https://host/m.zip",
        True,
        {"x": "b" * 64},
    )


def test_a_manifest_reads_like_what_it_is(tmp_path: Path, model: Path) -> None:
    text = (write_bundle(identified(model.parent), tmp_path / "bundle") / "model.yaml").read_text("utf-8")
    value = yaml.safe_load(text)
    assert value["format"] == 1
    assert value["weights"] == "people.onnx"
    assert set(value["files"]) == {"people.onnx", "LICENSE"}
    assert value["labels"][79] == "thing 79"
    assert value["origin"]["format"] == "onnx"
