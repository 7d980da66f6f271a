"""What the whole view says is known by its outputs: classifiers, age, embeddings, maps, text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from networks import Network, outputs_only

from sightline.config import ModelConfig
from sightline.errors import ModelError
from sightline.models.identify import Identified, identify

IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
HALF = ((127.5,), (127.5,))


def told(
    network: Network, folder: Path, file: str = "net.onnx", producer: str = "", metadata: dict[str, str] | None = None,
    **flags: object,
) -> Identified:  # fmt: skip
    path = network.save(folder / file, metadata)
    model = onnx.load(path)
    model.producer_name = producer
    onnx.save(model, path)
    return identify(ModelConfig.model_validate({"path": str(path), **flags}))


def fed(identified: Identified) -> tuple[str, tuple[float, ...], tuple[float, ...], str]:
    steps = identified.spec.inputs[0].preprocess
    return steps.color.value, steps.mean, steps.scale, steps.resize.value


def row(
    count: int, end: str = "", size: tuple[int, int] = (224, 224), shape: tuple[int | str, ...] | None = None
) -> Network:
    return outputs_only({"out": shape or (1, count)}, size, chosen=end)


def test_a_classifier_of_pytorch_with_imagenets_classes_is_decided(tmp_path: Path) -> None:
    found = told(row(1000), tmp_path, producer="pytorch")
    assert found.decided
    assert (found.spec.task, found.spec.head, found.spec.head_options["activation"]) == (
        "classify",
        "classify",
        "softmax",
    )
    assert fed(found) == ("rgb", *IMAGENET, "stretch")
    assert found.spec.thresholds.top == 5


@pytest.mark.parametrize(
    ("end", "options"),
    [
        ("Softmax", {"activation": "none"}),
        ("LogSoftmax", {"activation": "log-softmax"}),
        ("Sigmoid", {"activation": "none", "multi": True}),
    ],
)
@pytest.mark.parametrize("shape", [(1, 12), (1, 12, 1, 1), (1, 1, 1, 12), ("n", 12)])
def test_the_activation_is_read_off_the_graph(
    end: str, options: dict[str, object], shape: tuple[int | str, ...], tmp_path: Path
) -> None:
    found = told(row(12, end, shape=shape), tmp_path, color="rgb", scale=(255,))
    assert found.decided
    assert (found.spec.head, dict(found.spec.head_options)) == ("classify", options)


def test_how_a_classifier_is_fed_is_asked_where_its_maker_is_not_told(tmp_path: Path) -> None:
    found = told(row(12, "Softmax"), tmp_path)
    assert not found.decided
    assert "--color rgb or --color bgr" in found.question
    assert "--scale 127.5 --mean 127.5" in found.question
    torch = told(row(12, "Softmax"), tmp_path, producer="pytorch")
    assert "--color" not in torch.question
    assert "--scale" in torch.question


def test_a_background_before_imagenets_classes(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("\n".join(f"thing {i}" for i in range(1000)))
    found = told(row(1001, "Softmax"), tmp_path, color="rgb", scale=(255,))
    assert found.spec.labels[:2] == ("background", "thing 0")


def test_labels_make_a_row_of_scores_a_classifier(tmp_path: Path) -> None:
    assert told(row(128), tmp_path, color="rgb", scale=(255,)).spec.task == "embed"
    (tmp_path / "labels.txt").write_text("\n".join(f"thing {i}" for i in range(128)))
    assert told(row(128), tmp_path, color="rgb", scale=(255,)).spec.task == "classify"


def test_several_questions(tmp_path: Path) -> None:
    net = outputs_only({"colour": (1, 7), "kind": (1, 4)}, (72, 72), chosen="Softmax")
    (tmp_path / "labels.txt").write_text("a;b;c;d;e;f;g\ncar;bus;truck;van\n")
    found = told(net, tmp_path, color="bgr", scale=(1,))
    assert (found.spec.head, found.spec.task) == ("classify", "classify")
    assert found.spec.labels == ("a;b;c;d;e;f;g", "car;bus;truck;van")


def test_age_and_gender(tmp_path: Path) -> None:
    net = Network((62, 62))
    features = net.stem()
    net.output(net.conv(features, 1), "age_conv3", (1, 1, 1, 1))
    net.output(net.op("Softmax", net.conv(features, 2)), "prob", (1, 2, 1, 1))
    found = told(net, tmp_path)
    assert found.decided
    assert (found.spec.head, found.spec.task) == ("age-gender", "classify")
    assert dict(found.spec.head_options) == {"age": "age_conv3", "gender": "prob"}
    assert fed(found) == ("bgr", (0.0,), (1.0,), "stretch")


def test_the_names_of_lines_of_networks_say_how_they_are_fed(tmp_path: Path) -> None:
    maps = outputs_only({"out": (1, 19, 64, 64)}, (256, 256))
    assert fed(told(maps, tmp_path, "segformer-b0.onnx")) == ("rgb", *IMAGENET, "stretch")
    matte = outputs_only({"out": (1, 1, 256, 256)}, (256, 256), chosen="Sigmoid")
    assert fed(told(matte, tmp_path, "modnet.onnx")) == ("rgb", *HALF, "stretch")
    assert fed(told(row(1000, "Softmax"), tmp_path, "yolov8n-cls.onnx", "pytorch"))[2:] == ((255.0,), "crop")
    angles = told(row(2, "Softmax"), tmp_path, "ch_ppocr_cls.onnx", "PaddlePaddle")
    assert fed(angles) == ("bgr", *HALF, "line")
    assert angles.spec.labels == ("0", "180")


def test_embeddings(tmp_path: Path) -> None:
    faces = told(row(512, size=(112, 112)), tmp_path, "arcface.onnx")
    assert (faces.spec.task, faces.spec.head) == ("embed", "embed")
    assert "--scale 127.5 --mean 127.5 or --scale 58.395,57.12,57.375" in faces.question
    known = told(row(512, size=(112, 112)), tmp_path, "w600k_mbf.onnx")
    assert known.decided
    assert fed(known) == ("rgb", *HALF, "stretch")
    zoo = told(row(256, size=(128, 256)), tmp_path, "person-reidentification-retail-0288.onnx")
    assert zoo.decided
    assert fed(zoo) == ("bgr", (0.0,), (1.0,), "stretch")
    people = told(row(512, size=(128, 256)), tmp_path, "osnet.onnx")
    assert people.decided
    assert fed(people) == ("rgb", *IMAGENET, "stretch")
    assert told(row(256, size=(128, 256)), tmp_path, "resnet50_market.onnx").spec.task == "embed"
    one = Network((112, 112))
    one.output(one.op("LpNormalization", one.conv(one.stem(), 77), axis=1, p=2), "out", (1, 77))
    assert told(one, tmp_path).spec.task == "embed"


MAPS: dict[str, tuple[Callable[[], Network], str, dict[str, object]]] = {
    "scores first": (
        lambda: outputs_only({"out": (1, 21, 256, 256)}, (256, 256)),
        "semantic",
        {"channels_last": False},
    ),
    "scores last": (lambda: outputs_only({"out": (1, 256, 256, 21)}, (256, 256)), "semantic", {"channels_last": True}),
    "ids": (
        lambda: outputs_only({"out": (1, 256, 256)}, (256, 256), chosen="Identity", dtypes={"out": "int64"}),
        "semantic",
        {},
    ),
    "foreground": (
        lambda: outputs_only({"out": (1, 1, 256, 256)}, (256, 256), chosen="Sigmoid"),
        "semantic",
        {"activated": True},
    ),
}


@pytest.mark.parametrize("kind", MAPS)
def test_maps_of_classes(kind: str, tmp_path: Path) -> None:
    make, head, options = MAPS[kind]
    found = told(make(), tmp_path, color="rgb", mean=(0,), scale=(255,))
    assert found.question == ""
    assert (found.spec.head, found.spec.task, dict(found.spec.head_options)) == (head, "semantic", options)


def test_small_maps_are_classes_only_where_something_says_so(tmp_path: Path) -> None:
    net = outputs_only({"out": (1, 19, 64, 64)}, (256, 256))
    assert told(net, tmp_path).spec.head == ""
    assert told(net, tmp_path, "segformer.onnx").spec.head == "semantic"
    (tmp_path / "labels.txt").write_text("\n".join(f"thing {i}" for i in range(19)))
    assert told(net, tmp_path).spec.head == "semantic"


def test_a_picture_or_a_depth_is_no_map_of_classes(tmp_path: Path) -> None:
    assert told(outputs_only({"out": (1, 3, 256, 256)}, (256, 256)), tmp_path).spec.head == ""
    assert told(outputs_only({"out": (1, 1, 256, 256)}, (256, 256)), tmp_path).spec.head == ""


def test_where_text_stands(tmp_path: Path) -> None:
    net = outputs_only({"out": (1, 1, "h", "w")}, (-1, -1), chosen="Sigmoid")
    found = told(net, tmp_path, "text_detection.onnx")
    assert found.decided
    assert (found.spec.head, found.spec.task, found.spec.labels) == ("db-text", "text-detect", ("text",))
    assert found.spec.inputs[0].multiple == 32
    assert fed(found) == ("bgr", *IMAGENET, "stretch")


def line(width: int, shape: tuple[int | str, ...], end: str = "Softmax") -> Network:
    return outputs_only({"out": shape}, (width, 32), chosen=end)


def test_a_line_of_text_of_any_length(tmp_path: Path) -> None:
    (tmp_path / "dict.txt").write_text("\n".join("abcdefgh '\","))
    found = told(line(-1, ("n", "t", 13)), tmp_path, "rec.onnx")
    assert found.decided
    assert (found.spec.task, found.spec.head) == ("text", "ctc")
    assert "".join(found.spec.labels) == "abcdefgh '\","
    assert found.spec.inputs[0].size_wh == (0, 32)
    assert found.spec.inputs[0].multiple == 1
    assert fed(found) == ("bgr", *HALF, "stretch")


def test_a_line_of_set_width_is_kept_in_shape(tmp_path: Path) -> None:
    found = told(line(320, (1, 40, 13)), tmp_path, "rec.onnx", labels=list("abcdefghijkl"))
    assert fed(found) == ("bgr", *HALF, "line")
    assert found.spec.labels == tuple("abcdefghijkl")


def test_the_dictionary_is_asked_for_or_must_fit(tmp_path: Path) -> None:
    found = told(line(320, (1, 40, 13)), tmp_path, "rec.onnx")
    assert not found.decided
    assert "--labels FILE" in found.question
    (tmp_path / "few.txt").write_text("a\nb\n")
    with pytest.raises(ModelError, match="2 symbols for 13 classes"):
        told(line(320, (1, 40, 13)), tmp_path, "rec.onnx", labels=str(tmp_path / "few.txt"))


def test_the_dictionary_in_the_files_metadata(tmp_path: Path) -> None:
    found = told(line(320, (1, 40, 6)), tmp_path, "rec.onnx", metadata={"character": "a\nb\nc\nd"})
    assert found.decided
    assert found.spec.labels == tuple("abcd")


def test_licence_plates_with_the_symbols_first(tmp_path: Path) -> None:
    net = outputs_only({"out": (1, 68, 18)}, (94, 24))
    (tmp_path / "dict.txt").write_text("\n".join(chr(0x4E00 + i) for i in range(67)))
    found = told(net, tmp_path, "lprnet.onnx")
    assert found.decided
    assert dict(found.spec.head_options) == {"axes": "nct", "activated": False, "blank": "last"}
    assert fed(found) == ("bgr", (127.5,), (128.0,), "stretch")
    plate = outputs_only({"ids": (1, 24), "scores": (1, 24)}, (96, 48), chosen="Identity", dtypes={"ids": "int32"})
    (tmp_path / "dict.txt").write_text("\n".join("0123456789"))
    best = told(plate, tmp_path, "lpr.onnx")
    assert (best.spec.head, best.spec.head_options["blank"]) == ("ctc", "last")


@pytest.mark.parametrize(
    ("head", "task"),
    [("classify", "classify"), ("embed", "embed"), ("semantic", "semantic"), ("db-text", "text-detect")],
)
def test_a_head_that_is_given_says_the_task(head: str, task: str, tmp_path: Path) -> None:
    net = outputs_only({"strange": (1, 3, 5, 7)})
    found = told(net, tmp_path, head=head, color="rgb", scale=(255,), resize="stretch")
    assert (found.spec.head, found.spec.task) == (head, task)
