"""What `explain` tells: every key once, files that name files, what is missing, whatever the files are like."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sightline.errors import ModelError
from sightline.foreign.explaining import Explained, explain, told_of
from sightline.foreign.mapping import Mapping
from sightline.foreign.places import Places
from tests.foreign.app_cases import write_files

APP = """\
[application]
enable-perf-measurement=1
[source0]
enable=1
type=2
uri=file://../videos/a.mp4
[primary-gie]
enable=1
config-file=pgie.txt
gie-unique-id=1
[tracker]
enable=1
ll-config-file=tracker.yml
[nvds-analytics]
enable=1
config-file=rules.txt
"""


def told(folder: Path, text: str, name: str = "app.txt", places: Places | None = None) -> Explained:
    path = folder / name
    path.write_text(text)
    return explain(path, places)


def fate(found: Explained, key: str) -> tuple[str, str, str]:
    (one,) = [k for k in found.keys if k.key == key]
    return one.status, one.as_, one.why


def test_files_are_followed_each_once(tmp_path: Path) -> None:
    write_files(tmp_path)
    found = told(tmp_path, APP + "[secondary-gie0]\nenable=1\nconfig-file=pgie.txt\n")
    assert [Path(file.path).name for file in found.files] == ["app.txt", "pgie.txt", "tracker.yml", "rules.txt"]
    for file in found.files:
        lines = Path(file.path).read_text().splitlines()
        keys = [k for k in found.keys if k.file == file.path]
        assert len(keys) == sum(bool(re.match(r"\s*[\w-]+\s*[=:]\s*\S", line)) for line in lines)
        assert len({(k.line, k.key) for k in keys}) == len(keys)
    assert [(Path(m.path).name, m.line, m.key) for m in found.missing] == [
        ("a.mp4", 6, "uri"),
        ("model.onnx", 2, "onnx-file"),
    ]
    assert told_of(found.missing)[0].startswith(f"{tmp_path.parent / 'videos' / 'a.mp4'}: no such file; named in")


def test_files_that_name_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("[application]\n[primary-gie]\nenable=1\nconfig-file=app.txt\n")
    found = told(tmp_path, "[application]\n[primary-gie]\nenable=1\nconfig-file=b.txt\n")
    assert [Path(file.path).name for file in found.files] == ["app.txt", "b.txt"]


def test_a_file_that_cannot_be_read_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    write_files(tmp_path)
    (tmp_path / "tracker.yml").write_text("BaseConfig: [1\n")
    found = told(tmp_path, APP)
    (broken,) = [m for m in found.missing if m.path.endswith("tracker.yml")]
    assert "not YAML" in broken.why
    assert any(k.file.endswith("rules.txt") for k in found.keys)
    with pytest.raises(ModelError, match="cannot be read"):
        explain(tmp_path / "none.txt")


def test_the_folder_of_installation_is_elsewhere(tmp_path: Path) -> None:
    inner = tmp_path / "ds" / "samples" / "configs"
    inner.mkdir(parents=True)
    write_files(inner)
    named = "/opt/nvidia/deepstream/deepstream-6.3/samples/configs/pgie.txt"
    text = f"[application]\n[primary-gie]\nenable=1\nconfig-file={named}\n"
    assert len(told(tmp_path, text).files) == 1
    assert len(told(tmp_path, text, places=Places(Mapping((), str(tmp_path / "ds")))).files) == 2
    # a file that lies in a copy of that folder finds its neighbours
    assert len(told(inner, text).files) == 2
    renamed = Places(Mapping(((named, str(inner / "pgie2.txt")),)))
    assert told(tmp_path, text, places=renamed).files[1].path.endswith("pgie2.txt")


def test_a_model_with_groups_of_an_application_is_a_model(tmp_path: Path) -> None:
    text = "[application]\nenable-perf-measurement=1\n[property]\nnet-scale-factor=1\nnetwork-type=2\n[tests]\n"
    found = told(tmp_path, text + "file-loop=1\n")
    assert found.files[0].kind == "an nvinfer configuration"
    assert {k.status for k in found.keys} == {"ignored", "translated", "honoured"}
    lists = "source-list:\n  - rtsp://a/1\nstreammux:\n  width: 640\nprimary-gie:\n  plugin-type: 0\nsink:\n  type: 1\n"
    assert told(tmp_path, lists, "own.yml").files[0].kind == "an application's YAML"


def test_groups_that_are_off(tmp_path: Path) -> None:
    found = told(
        tmp_path, "[application]\n[sink0]\nenable=0\ntype=3\noutput-file=a.mp4\nbitrat=5\n[osd]\ntext-size=3\n"
    )
    assert fate(found, "output-file") == ("honoured", "", "the group is switched off in line 3")
    assert fate(found, "text-size") == ("honoured", "", "the group says no enable=1, without which it is passed over")
    assert fate(found, "bitrat")[0] == "unknown"
    assert fate(found, "bitrat")[2] == "unknown key; did you mean bitrate?"
    assert found.missing == ()


def test_keys_that_a_type_does_not_use(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        "[application]\n[sink0]\nenable=1\ntype=2\noutput-file=a.mp4\n[source0]\nenable=1\ntype=2\ncamera-width=3\n",
    )
    assert fate(found, "output-file") == ("honoured", "", "a sink of type 2 does not use it")
    assert fate(found, "camera-width") == ("honoured", "", "a source of type 2 does not use it")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_whatever_the_text_is_like(encoding: str, end: str, tmp_path: Path) -> None:
    text = "# Köln\n[application]\nperf-measurement-interval-sec = 5 # often\n[sink0]\nenable=1\nenable=0\ntopic=Tür\n"
    path = tmp_path / "app.txt"
    path.write_bytes(text.replace("\n", end).encode(encoding))
    found = explain(path)
    assert [(k.line, k.key, k.value) for k in found.keys] == [
        (3, "perf-measurement-interval-sec", "5"),
        (5, "enable", "1"),
        (6, "enable", "0"),
        (7, "topic", "Tür"),
    ]
    assert found.keys[1].status == "ignored"
    assert found.keys[1].why == "said again in line 6, which wins"


def test_repeated_groups_and_yaml(tmp_path: Path) -> None:
    found = told(tmp_path, "[application]\n[osd]\nenable=1\ntext-size=3\n[osd]\ntext-size=4\n")
    assert [(k.line, k.status) for k in found.keys if k.key == "text-size"] == [(4, "ignored"), (6, "honoured")]
    text = "%YAML:1.0\napplication:\n  enable-perf-measurement: 1\nosd:\n  enable: 1\n  text-size: 3\n  text-siz: 3\n"
    found = told(tmp_path, text, "app.yml")
    assert fate(found, "text-size")[:2] == ("honoured", "overlay.text_px")
    assert fate(found, "text-siz")[2] == "unknown key; did you mean text-size?"


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.txt", "[application]\nx=1\n", "a deepstream-app file"),
        ("a.txt", "[source0]\nenable=1\n[streammux]\nwidth=1\n", "a deepstream-app file"),
        ("a.yml", "source-list:\n  list: a\noutput:\n  type: 1\n", "an application's YAML"),
        ("a.yaml", "deepstream:\n  nodes:\n  - type: nvinfer\n    name: a\n", "a service-maker pipeline"),
        ("a.csv", "enable,type,uri\n1,2,file://a\n", "a table of sources"),
        ("a.txt", "[property]\nonnx-file=a.onnx\n", "an nvinfer configuration"),
        ("a.yml", "infer_config {\n  unique_id: 1\n}\n", "an nvinferserver configuration"),
        ("a.yaml", "name: X\ncomponents:\n- name: a\n  parameters:\n    b: 1\n---\nname: Y\n", "a Graph Composer file"),
        ("a.txt", "car\nperson\n", "another file"),
        ("a.yml", "version: '3'\nservices:\n  web:\n    image: x\n", "another file"),
    ],
)
def test_a_file_is_known_by_what_it_holds(name: str, text: str, kind: str, tmp_path: Path) -> None:
    found = told(tmp_path, text, name)
    assert found.files[0].kind == kind
    assert all(k.status != "unknown" for k in found.keys if k.key != "x")


def test_nodes_of_a_pipeline(tmp_path: Path) -> None:
    text = (
        "deepstream:\n  nodes:\n  - type: nvinfer\n    name: pgie\n    properties:\n      config-file-path: pgie.txt\n"
        "      intervall: 3\n  - type: ourfilter\n    name: x\n    properties:\n      depth: 1\n  edges:\n    a: b\n"
    )
    write_files(tmp_path)
    found = told(tmp_path, text, "p.yaml")
    assert [Path(file.path).name for file in found.files] == ["p.yaml", "pgie.txt"]
    assert fate(found, "nodes.0.properties.intervall") == (
        "unknown", "", "nvinfer has no such property; did you mean interval?"
    )  # fmt: skip
    assert fate(found, "nodes.1.properties.depth")[0] == "ignored"


_LINE = st.sampled_from(
    ["[application]", "[source0]", "[primary-gie]", "enable=1", "uri=file://a", "config-file=app.txt", "=", "[", "a: b",
     "infer_config {", "}", "- x", "deepstream:", "  nodes:", "  - type: nvinfer", "a,b,c", "{", '"', "\t", "%"]
)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    lines=st.lists(_LINE | st.text(max_size=12), max_size=12), suffix=st.sampled_from([".txt", ".yml", ".csv", ".json"])
)
def test_any_text_is_explained_or_refused(lines: list[str], suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"app{suffix}"
    path.write_bytes("\n".join(lines).encode("utf-8", "replace"))
    try:
        found = explain(path)
    except ModelError as error:
        assert str(path.parent) in str(error)  # noqa: PT017
        return
    assert len({(k.file, k.line, k.group, k.key, k.value) for k in found.keys}) <= len(found.keys)


ASSETS = os.environ.get("SIGHTLINE_ASSETS", "")


@pytest.mark.skipif(not ASSETS, reason="needs the published configurations: SIGHTLINE_ASSETS")
def test_every_key_of_published_files_is_accounted_for() -> None:
    root = Path(ASSETS) / "deepstream-configs"
    files = [
        path
        for path in sorted(root.rglob("*"))
        if path.suffix in (".txt", ".yml", ".yaml")
        and re.search(r"config|pgie|sgie|app|analytics|tracker|infer", path.name, re.I)
        and "label" not in path.name.lower()
    ]
    total, unknown = 0, []
    for path in files:
        found = explain(path)
        own = [key for key in found.keys if key.file == str(path)]
        total += len(found.keys)
        unknown += [key for key in own if key.status == "unknown"]
        if path.suffix == ".txt":
            lines = path.read_text(errors="replace").splitlines()
            wanted = sum(bool(re.match(r"\s*[\w\-.]+\s*=", line)) for line in lines)
            assert not wanted or len(own) == wanted, path
    assert len(files) > 400
    assert len(unknown) <= 0.005 * total
    assert {key.key for key in unknown} <= {"pre-cluster-threshold", "topk", "nms-iou-threshold"}


def test_a_line_that_is_no_key_is_told_apart_from_the_keys(tmp_path: Path) -> None:
    found = told(tmp_path, "[property]\nonnx-file=a.onnx\nbroken in\ntwo\ngpu-id=0\n", "pgie.txt").plain()
    assert [key["key"] for key in found["keys"]] == ["onnx-file", "gpu-id"]  # type: ignore[attr-defined, index]
    assert [(line["line"], line["text"]) for line in found["broken"]] == [(3, "broken in"), (4, "two")]  # type: ignore[attr-defined, index]
    assert "broken" not in told(tmp_path, "[property]\nonnx-file=a.onnx\n", "other.txt").plain()
