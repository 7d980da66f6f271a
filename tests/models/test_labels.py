"""Label files as they are found in the wild."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import ModelError
from sightline.models.labels import LabelTable, fit_labels, parse_labels
from sightline.models.sidefiles import read_label_file

NAME = st.text("abcdefghijklmnopqrstuvwxyz -()", min_size=1, max_size=12).map(str.strip).filter(bool)


@pytest.mark.parametrize(
    ("file", "text", "names"),
    [
        ("coco.names", "person\nbicycle\ncar\n", ("person", "bicycle", "car")),
        ("labels.txt", "\ufeffroad\r\nside walk\r\nwall", ("road", "side walk", "wall")),
        ("labels.txt", "acura;audi;bmw\n", ("acura", "audi", "bmw")),
        (
            "labels.txt",
            "0:background\n1:tench, Tinca tinca\n2:goldfish",
            ("background", "tench, Tinca tinca", "goldfish"),
        ),
        ("labels.txt", "0  person\n2  car\n", ("person", "", "car")),
        ("labels.txt", " \n \n \n ", ()),
        ("labels.csv", "\ufeffNone,無\nNe(Rat),子\nUshi(Ox),丑\n", ("Ne(Rat)", "Ushi(Ox)")),
        ("classes.csv", "id,name\n0,person\n1,car\n", ("person", "car")),
        ("classes.csv", "0;person\n1;car\n", ("person", "car")),
        ("data.yaml", "nc: 2\nnames: [cat, dog]\n", ("cat", "dog")),
        ("data.yaml", "names:\n  0: cat\n  1: dog\n", ("cat", "dog")),
        ("config.json", '{"id2label": {"0": "cat", "1": "dog"}}', ("cat", "dog")),
        ("config.json", '{"model": {"heads": [{"metadata": {"classes": ["cat", "dog"]}}]}}', ("cat", "dog")),
        ("map.pbtxt", "item {\n id: 1\n name: 'cat'\n}\nitem { id: 3 display_name: \"dog\" }", ("", "cat", "", "dog")),
        ("classes.txt", "'cat',\n'dog',\n", ("cat", "dog")),
    ],
)
def test_every_habit_gives_the_names(file: str, text: str, names: tuple[str, ...]) -> None:
    assert parse_labels(text, file).names == names


@given(st.lists(NAME.filter(lambda n: n != "none"), min_size=2, max_size=30))
def test_one_name_a_line_reads_back(names: list[str]) -> None:
    assert parse_labels("\n".join(names) + "\n", "labels.txt").names == tuple(names)


def test_broken_json_is_named() -> None:
    with pytest.raises(ModelError, match=r"config\.json"):
        parse_labels("{", "config.json")


def test_a_first_row_none_is_no_class_even_where_the_count_fits() -> None:
    table = parse_labels("None,x\nRat,y\nOx,z\n", "labels.csv")
    names, warnings = fit_labels(table, 3, background=False)
    assert names == ("Rat", "Ox")
    assert "no name" in warnings[0]


def test_surplus_lines_are_left_out_with_a_warning() -> None:
    names, warnings = fit_labels(LabelTable(("a", "b", "c"), "f.txt"), 2, background=False)
    assert names == ("a", "b")
    assert "f.txt: 3 labels for 2 classes" in warnings[0]


def test_too_few_names_contradict_the_model() -> None:
    with pytest.raises(ModelError, match="2 labels, but the model has 3 classes"):
        fit_labels(LabelTable(("a", "b"), "f.txt"), 3, background=False)


def test_prose_after_a_blank_line_is_no_class_but_a_blank_name_is() -> None:
    table = parse_labels("cat\ndog\n\nmade by somebody\n", "labels.txt")
    assert fit_labels(table, 2, background=False)[0] == ("cat", "dog")
    assert fit_labels(table, 4, background=False)[0] == ("cat", "dog", "", "made by somebody")


@pytest.mark.parametrize(
    ("names", "classes", "background", "fitted"),
    [
        (("face",), 2, True, ("background", "face")),
        (("background", "face"), 2, True, ("background", "face")),
        (("BG", "Person", "Face"), 2, False, ("Person", "Face")),
        (("background", "car"), 2, False, ("background", "car")),
        (("person", "car"), None, True, ("background", "person", "car")),
    ],
)
def test_the_background_row_goes_where_the_model_has_it(
    names: tuple[str, ...], classes: int | None, background: bool, fitted: tuple[str, ...]
) -> None:
    assert fit_labels(LabelTable(names, "f"), classes, background=background)[0] == fitted


def test_ids_from_one_keep_their_numbers() -> None:
    table = parse_labels("item { id: 1 name: 'cat' } item { id: 2 name: 'dog' }", "map.pbtxt")
    assert fit_labels(table, None, background=False, one_based=True)[0][1:] == ("cat", "dog")
    plain = LabelTable(("cat", "dog"), "labels.txt")
    assert fit_labels(plain, None, background=False, one_based=True)[0] == ("background", "cat", "dog")


ODD = {
    "NVIDIA-DeepStream/src/apps/tao_apps/deepstream_app_tao_configs/labels_vehiclemakenet.txt": (20, "acura"),
    "NVIDIA-DeepStream/src/apps/tao_apps/configs/triton-grpc/citysemsegformer_tao/labels.txt": (19, "road"),
    "NVIDIA-DeepStream/src/apps/tao_apps/configs/triton-grpc/peoplenet_transformer_tao/labels.txt": (4, "BG"),
    "microsoft-vision-ai-developer-kit/machine-learning-notebooks/models/mobilenet-imagenet/orig/output_labels.txt": (
        1001,
        "background",
    ),
    "google-coral-test_data/pascal_voc_segmentation_labels.txt": (21, "background"),
    "NVIDIA-AI-IOT-deepstream_lpr_app/deepstream-lpr-app/labels_trafficnet.txt": (0, ""),
}


@pytest.mark.skipif("SIGHTLINE_ASSETS" not in os.environ, reason="SIGHTLINE_ASSETS names no folder of test assets")
@pytest.mark.parametrize("file", ODD)
def test_odd_files_of_others(file: str) -> None:
    table = read_label_file(Path(os.environ["SIGHTLINE_ASSETS"]) / "labels-odd" / file)
    count, first = ODD[file]
    assert len(table.names) == count
    assert (table.names or ("",))[0] == first


def test_a_background_of_ours_is_not_counted() -> None:
    table = LabelTable(("face",), "labels.txt")
    with pytest.raises(ModelError, match="1 labels, but the model has 2 classes"):
        fit_labels(table, 3, background=True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_label_files_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes("person\r\nFußgänger\r\nавтобус\r\n人\r\nfour\r\n".encode(encoding))
    assert read_label_file(path).names == ("person", "Fußgänger", "автобус", "人", "four")


def test_what_is_no_text_is_no_label_file(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(
        b"weights" + bytes(3) + b"more of them, of a file that is none of names at all" + bytes([0, 1, 2, 255])
    )
    with pytest.raises(ModelError, match=r"labels.txt: not a label file"):
        read_label_file(path)
