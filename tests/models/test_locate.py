"""Paths of users, and files that are no model."""

from __future__ import annotations

from pathlib import Path

import pytest
from networks import yolov8

from sightline.config import ModelConfig
from sightline.errors import ModelError, SightlineError, UsageError
from sightline.models.arrival import arrive
from sightline.models.identify import identify


def asked(path: Path) -> SightlineError:
    with pytest.raises(SightlineError) as caught:
        identify(ModelConfig(path=str(path)))
    assert caught.value.exit_code == 2
    assert len(str(caught.value).splitlines()) <= 2
    return caught.value


@pytest.mark.parametrize(
    ("name", "data", "word"),
    [
        ("e.onnx", b"", "empty"),
        ("x.onnx", b"weights\n" * 50, "text"),
        ("v.mp4", b"\0\0\0\x18ftypisom" + bytes(200), "video"),
        ("lfs.onnx", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        ("net.engine", b"x", "TensorRT"),
        ("net.etlt", b"x", "tao model"),
        ("net.uff", b"x", "tf2onnx"),
        ("net.blob", b"x", "MyriadX"),
        ("n.xml", b"<annotation/>", ".bin"),
    ],
)
def test_what_is_no_model_is_named_with_its_cure(tmp_path: Path, name: str, data: bytes, word: str) -> None:
    (tmp_path / name).write_bytes(data)
    error = asked(tmp_path / name)
    assert isinstance(error, ModelError)
    assert name in str(error)
    assert word in str(error)


def test_a_truncated_model(tmp_path: Path) -> None:
    whole = yolov8().save(tmp_path / "whole.onnx").read_bytes()
    for part in (0.1, 0.5, 0.9, 0.999):
        (tmp_path / "cut.onnx").write_bytes(whole[: int(len(whole) * part)])
        assert "cut.onnx" in str(asked(tmp_path / "cut.onnx"))


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    yolov8().save(tmp_path / "people.onnx")
    assert "did you mean people.onnx" in str(asked(tmp_path / "peopel.onnx"))


def test_a_folder_with_several_models_lists_them(tmp_path: Path) -> None:
    yolov8().save(tmp_path / "a.onnx")
    yolov8().save(tmp_path / "b.onnx")
    error = asked(tmp_path)
    assert isinstance(error, UsageError)
    assert "a.onnx, b.onnx" in str(error)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    assert "no model in this folder" in str(asked(tmp_path))


def test_missing_external_weights_are_named(tmp_path: Path) -> None:
    import onnx

    path = yolov8().save(tmp_path / "big.onnx")
    model = onnx.load(str(path))
    onnx.save(model, str(path), save_as_external_data=True, location="big.data", size_threshold=0)
    assert identify(ModelConfig(path=str(path))).spec.head == "yolov8"
    (tmp_path / "big.data").unlink()
    assert "big.data" in str(asked(path))


def test_weights_outside_the_folder_are_refused(tmp_path: Path) -> None:
    path = yolov8().save(tmp_path / "big.onnx")
    import onnx

    model = onnx.load(str(path))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    path.write_bytes(model.SerializeToString())
    assert "outside its folder" in str(asked(path))


IR = """<net name="n" version="{version}"><layers>
<layer id="0" name="data" type="Parameter"><data element_type="f32" shape="1,3,64,64"/><output><port id="0">
<dim>1</dim><dim>3</dim><dim>64</dim><dim>64</dim></port></output></layer>
<layer id="1" name="w" type="Const"><data element_type="f32" shape="1,3,1,1" offset="0" size="12"/><output>
<port id="0"><dim>1</dim></port></output></layer>
<layer id="2" name="s" type="Multiply"><input><port id="0"/><port id="1"/></input>
<output><port id="2"/></output></layer>
<layer id="3" name="detection_out" type="DetectionOutput"><data background_label_id="0" num_classes="3"/>
<input><port id="0"/></input><output><port id="1" precision="FP32"><dim>1</dim><dim>1</dim><dim>200</dim><dim>7</dim>
</port></output></layer>
<layer id="4" name="r" type="Result"><input><port id="0"/></input></layer></layers><edges>
<edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>
<edge from-layer="1" from-port="0" to-layer="2" to-port="1"/>
<edge from-layer="2" from-port="2" to-layer="3" to-port="0"/>
<edge from-layer="3" from-port="1" to-layer="4" to-port="0"/>
</edges><rt_info>{info}</rt_info></net>"""


def write_ir(folder: Path, *, version: int = 11, info: str = "", weights: str = "m.bin", size: int = 12) -> Path:
    (folder / "m.xml").write_text(IR.format(version=version, info=info))
    (folder / weights).write_bytes(bytes(size))
    return folder / "m.xml"


def test_an_ir_finds_weights_of_another_stem(tmp_path: Path) -> None:
    write_ir(tmp_path, weights="other.bin")
    found = arrive(tmp_path).located
    assert [part.name for part in found.parts] == ["m.xml", "other.bin"]
    identified = identify(ModelConfig(path=str(tmp_path)))
    assert identified.format == "openvino"
    assert identified.spec.head == "detection-output"


def test_an_ir_without_or_with_too_little_weights(tmp_path: Path) -> None:
    xml = write_ir(tmp_path, size=5)
    assert "shorter than its xml" in str(asked(xml))
    (tmp_path / "m.bin").unlink()
    assert "m.bin" in str(asked(xml))


def test_an_ir_that_is_too_old_or_cut(tmp_path: Path) -> None:
    assert "version 7" in str(asked(write_ir(tmp_path, version=7)))
    xml = write_ir(tmp_path)
    xml.write_text(xml.read_text()[:600])
    assert "m.xml" in str(asked(xml))


def test_model_info_of_an_ir_is_believed(tmp_path: Path) -> None:
    info = (
        '<model_info><model_type value="ssd"/><reverse_input_channels value="YES"/><mean_values value="1 2 3"/>'
        '<scale_values value="4 5 6"/><resize_type value="fit_to_window_letterbox"/><pad_value value="7"/>'
        '<confidence_threshold value="0.3"/><labels value="person traffic_light"/></model_info>'
    )
    spec = identify(ModelConfig(path=str(write_ir(tmp_path, info=info)))).spec
    steps = spec.inputs[0].preprocess
    assert (steps.color, steps.mean, steps.scale, steps.resize, steps.pad) == (
        "rgb",
        (1, 2, 3),
        (4, 5, 6),
        "letterbox",
        7,
    )
    assert spec.thresholds.score == 0.3
    assert spec.labels == ("background", "person", "traffic light")
