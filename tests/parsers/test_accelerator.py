"""The accelerator's form of parsers, with files of its kind written for these tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sightline.parsers.code import Code, Muxed
from sightline.parsers.trusted import TrustedParser
from sightline.types import Prediction
from tests.parsers.asking import LIMIT_S, Outputs, model, one, over, view, written

# class, score, x, y, w, h of 416 pixels
OUTPUTS: Outputs = {
    "boxes:0": np.array([[[0, 0.9, 104, 208, 52, 26], [2, 0.8, 0, 0, 416, 416], [7, 0.7, 1, 2, 3, 4]]], np.float32)
}
DETECTOR = """
model_type = 0
name = "mine"
labels = ["car", "person", "dog"]
def parse_det_model(config, raw_outputs):
    rows = raw_outputs["boxes:0"]
    w, h = config.image_size
    boxes = rows[:, 2:] * np.array([w, h, w, h]) / 416
    return boxes, rows[:, 0].astype(np.int), rows[:, 1], "found %d" % len(rows)
"""


def in_frame(prediction: Prediction, size: int = 416) -> list[list[float]]:
    boxes = view(3, size).boxes_to_frame(prediction.detections.xyxy).astype(np.float64)
    return np.round(boxes, 2).tolist()


def one_fault(path: Path, outputs: Outputs = OUTPUTS, muxed: Muxed | None = None) -> str:
    """What is said of a file whose every frame goes wrong; its results are empty."""
    parser = TrustedParser(Code(path, muxed=muxed or Muxed()))
    (said,) = parser(outputs, model(outputs), [view()])
    assert (len(said.detections), said.custom, said.marks) == (0, None, ())
    ((fault, times),) = parser.faults.items()
    assert times == 1
    return fault


def test_a_detector_with_numpys_old_names(tmp_path: Path) -> None:
    said = one(written(tmp_path, DETECTOR), OUTPUTS)
    assert in_frame(said) == [[320, 360, 480, 405], [0, 0, 1280, 720], [3.08, 3.46, 12.31, 10.38]]
    assert [said.detections.name_of(i) for i in range(3)] == ["car", "dog", "---"]
    assert said.detections.label.tolist() == [0, 2, 7]
    assert said.custom == "found 3"
    assert not hasattr(np, "int"), "only the user's code sees the old names"


def test_an_unknown_class_is_told_once(tmp_path: Path) -> None:
    ran = over(Code(written(tmp_path, DETECTOR), time_limit_s=LIMIT_S), 3, OUTPUTS)
    assert ran.printed == ["class id 7: there are 3 labels; it is called ---"]


def test_negative_and_huge_class_ids_have_a_name_too(tmp_path: Path) -> None:
    outputs = {"boxes:0": OUTPUTS["boxes:0"].copy()}
    outputs["boxes:0"][0, :, 0] = [-1, 10**6, 1]
    found = one(written(tmp_path, DETECTOR), outputs).detections
    assert [found.name_of(i) for i in range(3)] == ["---", "---", "person"]


def test_the_config_is_the_accelerators(tmp_path: Path) -> None:
    text = """
model_type = 1
name = "mine"
def parse_custom_model(config, raw):
    h = config.msg_helper
    return None, [config.image_size, config.network_size, config.det_th, config.mns_th, config.labels, config.name,
                  config.model_type, config.get_name(), h.frame_size, h.config_id, config.user_funct.name,
                  sorted(raw), [str(a.dtype) for a in raw.values()], [a.shape for a in raw.values()]]
"""
    outputs = {"a:0": np.zeros((1, 2, 3), np.float16), "b": np.zeros((1, 4), np.int64), "n": np.ones(1, np.int8)}
    said = one(written(tmp_path, text), outputs, model(outputs), Muxed((640, 480), config_id="Cars")).custom
    sizes = [[640, 480], [-1, -1], 0.5, 0.213]
    assert said == [
        *sizes, ["one", "two", "three"], "mine", 1, "mine", [640, 480], "Cars", "mine",
        ["a:0", "b", "n"], ["float32", "int32", "int8"], [[2, 3], [4], [1]],
    ]  # fmt: skip


def test_a_secondary_says_a_value_and_has_the_helper_as_config(tmp_path: Path) -> None:
    text = """
gie_unique_id = 3
def parse_sgie_model(config, raw_outputs):
    assert not hasattr(config, "image_size")
    assert 3 in config.sgie_parsers
    return {"at": raw_outputs["out"][:2], "of": config.padindex_to_srcname, "size": config.frame_size,
            "every": config.nframes, "roi": config.regions_of_interest, "id": config.config_id,
            "waiting": config.msg_queue.qsize()}
"""
    outputs = {"out": np.array([[1.5, 2.5, 9]], np.float32)}
    muxed = Muxed(streams=("door", "cam"), config_id="Faces", regions=({"label": "a", "sensor": "cam"},))
    assert one(written(tmp_path, text), outputs, muxed=muxed).custom == {
        "at": [1.5, 2.5],
        "of": ["door", "cam"],
        "size": [1280, 720],
        "every": 30,
        "roi": [{"label": "a", "sensor": "cam"}],
        "id": "Faces",
        "waiting": 0,
    }


@pytest.mark.parametrize("first", ["config", "self"])
def test_metadata_becomes_objects_and_marks(tmp_path: Path, first: str) -> None:
    text = f"""
import pyds
model_type = 1
name = "mine"
def parse_custom_model(config, raw): return raw["boxes:0"], {{"n": np.float32(2)}}
def add_custom_to_meta({first}, data, batch_meta, frame_meta):
    assert batch_meta.frame_meta_list.data is frame_meta
    assert pyds.gst_buffer_get_nvds_batch_meta(0) is batch_meta
    assert (frame_meta.frame_num, frame_meta.source_frame_width, frame_meta.num_obj_meta) == (3, 1280, 0)
    for row in data[:2]:
        obj = pyds.nvds_acquire_obj_meta_from_pool(batch_meta)
        r = obj.rect_params
        r.left, r.top, r.width, r.height = [float(v) for v in row[2:]]
        r.border_color.set(1, 0, 0, 1)
        obj.confidence, obj.class_id, obj.obj_label = float(row[1]), int(row[0]), "thing"
        obj.object_id = 0xffffffffffffffff
        t = obj.text_params
        if t.display_text: pyds.free_buffer(t.display_text)
        t.display_text = "thing"
        t.font_params.font_color.set(1.0, 1.0, 1.0, 1.0)
        pyds.nvds_add_obj_meta_to_frame(frame_meta, obj, None)
    d = pyds.nvds_acquire_display_meta_from_pool(batch_meta)
    d.num_lines, d.num_labels, d.num_circles, d.num_rects, d.num_arrows = 1, 1, 1, 1, 1
    line = d.line_params[0]
    line.x1, line.y1, line.x2, line.y2, line.line_width = 0, 0, 1280, 720, 4
    line.line_color.set(0, 1, 0, 0.5)
    d.text_params[0].display_text, d.text_params[0].x_offset, d.text_params[0].y_offset = "hi", 10, 12
    d.circle_params[0].xc, d.circle_params[0].yc, d.circle_params[0].radius = 100, 100, 10
    d.rect_params[0].width, d.rect_params[0].height = 50, 60
    d.arrow_params[0].x2 = 100
    pyds.nvds_add_display_meta_to_frame(frame_meta, d)
"""
    said = one(written(tmp_path, text), OUTPUTS)
    assert in_frame(said) == [[104, 208, 156, 234], [0, 0, 416, 416]]
    assert [said.detections.name_of(i) for i in range(2)] == ["thing", "thing"]
    assert said.custom == {"n": 2.0}
    rect, line, arrow, head, circle, text_mark = said.marks
    assert (rect.closed, len(rect.points), line.color, line.width_px) == (True, 4, (0.0, 1.0, 0.0, 0.5), 4.0)
    assert np.allclose(line.points, [(0, 0), (416, 416)])
    assert (len(arrow.points), len(head.points), len(circle.points), circle.closed) == (2, 3, 24, True)
    assert text_mark.text == "hi"
    assert np.allclose(text_mark.points, [(10 * 416 / 1280, 12 * 416 / 720)])


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("None, None", None),
        ("([], [], [], None)", None),
        ("(None, 'no layers')", "no layers"),
        ("([], [], [], 'no layers')", "no layers"),
        ("None", None),
    ],
)
def test_error_paths_of_published_files_are_no_faults(tmp_path: Path, answer: str, wanted: object) -> None:
    text = f"model_type = 1\nname = 'x'\ndef parse_custom_model(config, raw):\n    return {answer}\n"
    text += "def add_custom_to_meta(self, data, batch_meta, frame_meta):\n    bboxes, labels, scores = data\n"
    said = one(written(tmp_path, text), OUTPUTS)
    assert (len(said.detections), said.custom) == (0, wanted)


def test_an_empty_answer_of_a_detector_is_nothing(tmp_path: Path) -> None:
    text = "model_type = 0\nname = 'x'\ndef parse_det_model(config, raw): return [], [], [], None\n"
    assert len(one(written(tmp_path, text), OUTPUTS).detections) == 0


WRONG = {
    "[[1, 2, 3]], [0], [0.5], None": "boxes: expected shape (N, 4) x, y, w, h, got int64 (1, 3)",
    "[[1, 2, 3, 4], [5]], [0, 0], [0.5, 0.5], None": "boxes: rows of different lengths; expected numbers (N, 4)",
    "[[1, 2, 3, 4]], [0, 1], [0.5], None": "returned 1 boxes, 2 class ids and 1 scores; one for each",
    "[[1, 2, -3, 4]], [0], [0.5], None": "boxes: row 0 is (1, 2, -3, 4), a negative size; expected x, y, w, h",
    "[[1, 2, 3, float('nan')]], [0], [0.5], None": "boxes: row 0 holds NaN; expected finite numbers",
    "[[1, 2, 3, 4]], [0.5], [0.5], None": "class ids: row 0 is 0.5; expected a whole number",
    "[[1, 2, 3, 4]], ['car'], [0.5], None": "class ids: expected whole numbers (N,), got <U3 (1,)",
    "[[1, 2, 3, 4]], [0], [[0.5]], None": "scores: expected shape (any,), got (1, 1)",
    "[], [], [], {1, 2}": "message: a set has no JSON; expected numbers, text, lists and dicts of them",
    "None": "parse_det_model returned None; expected (boxes, class ids, scores, message)",
    "[], []": "parse_det_model returned a tuple of 2; expected (boxes, class ids, scores, message)",
}


@pytest.mark.parametrize("answer", WRONG)
def test_what_is_wrong_is_told(tmp_path: Path, answer: str) -> None:
    text = f"model_type = 0\nname = 'x'\ndef parse_det_model(config, raw):\n    return {answer}\n"
    assert one_fault(written(tmp_path, text)) == f"my_parser.py: {WRONG[answer]}"


def test_the_frame_without_objects_of_the_examples_is_a_fault_with_its_line(tmp_path: Path) -> None:
    text = "model_type = 0\nname = 'x'\ndef parse_det_model(config, raw):\n    b = np.array([])\n"
    text += "    return b[:, :4], b, b, 1\n"
    assert one_fault(written(tmp_path, text)).startswith("my_parser.py:8: IndexError: too many indices")


UNKNOWN = {
    "import pyds; pyds.nvds_foo()": "pyds.nvds_foo is not in Sightline's stand-in for pyds",
    "import pyds; pyds.NvOSD_RectParams().colour = 1": "'NvOSD_RectParams' object has no attribute 'colour'",
    "from gi.repository import Gst; Gst.Pipeline()": "Gst.Pipeline is not in Sightline's stand-in for gi",
    "import pyds; pyds.get_nvds_buf_surface(0, 0)": "pyds.get_nvds_buf_surface: a parser is not given",
    "raw['other']": "\"'other': the model's outputs are 'boxes:0'\"",
}


@pytest.mark.parametrize("line", UNKNOWN)
def test_what_the_stand_ins_have_not_got_is_named(tmp_path: Path, line: str) -> None:
    text = f"model_type = 0\nname = 'x'\ndef parse_det_model(config, raw):\n    {line}\n"
    place, _, told = one_fault(written(tmp_path, text)).partition("Error: ")
    assert place.startswith("my_parser.py:7: ")
    assert told.startswith(UNKNOWN[line])


def test_names_are_found_with_and_without_tensorflows_end(tmp_path: Path) -> None:
    text = DETECTOR.replace('"boxes:0"', '"boxes"')
    assert len(one(written(tmp_path, text), OUTPUTS).detections) == 3


def test_a_file_that_counts_on_the_batch_axis_gets_it(tmp_path: Path) -> None:
    text = DETECTOR.replace('raw_outputs["boxes:0"]', 'raw_outputs["boxes:0"]; rows = rows[0, :, 0:6]')
    ran = over(Code(written(tmp_path, text), time_limit_s=LIMIT_S), 3, OUTPUTS)
    assert (ran.boxes, ran.faults) == ([3, 3, 3], {})
    assert ran.printed[0] == "it is given the outputs with a batch axis of 1: it fails without"


def test_scipys_old_places_and_the_helpers_beside_it(tmp_path: Path) -> None:
    (tmp_path / "queue.py").write_text("raise RuntimeError('the standard library goes first')\n")
    (tmp_path / "nms.py").write_text("from scipy.ndimage.filters import maximum_filter\n")
    text = """
import queue
from nms import maximum_filter
from scipy.ndimage.morphology import generate_binary_structure
from cgi import print_arguments
from cgitb import reset
model_type = 1
name = "x"
def parse_custom_model(config, raw):
    return None, maximum_filter(raw["boxes:0"], footprint=generate_binary_structure(2, 1)).shape
"""
    ran = over(Code(written(tmp_path, text), time_limit_s=LIMIT_S), 1, OUTPUTS)
    assert ran.predictions[0].custom == [3, 6]
    assert not [line for line in ran.printed if "ndimage" in line]


CLASSES = """
from .base import Base, Box
class Mine(Base):
    def __init__(self):
        super().__init__(0, "mine")
        self.labels = ["car", "person", "dog"]
        self.image_size = (416, 416)
    def parse_det_model(self, raw_outputs):
        if raw_outputs["boxes:0"][0, 1] < 0.5:
            return []
        w, h = self.image_size
        return [Box(r[2] * w / 416, r[3] * h / 416, r[4] * w / 416, r[5] * h / 416, int(r[0]), r[1])
                for r in raw_outputs["boxes:0"]], None
"""
BASE = """
import gi
gi.require_version("Gst", "1.0")
from gi.repository import GObject, Gst
import pyds
class Box:
    def __init__(self, x, y, w, h, class_id, score):
        self.x, self.y, self.w, self.h, self.class_id, self.score = x, y, w, h, class_id, score
class Base:
    def __init__(self, model_type, name, msg_helper=None):
        self.model_type, self.name, self.msg_helper = model_type, name, msg_helper
    def probe(self, pad, info, data):
        return Gst.PadProbeReturn.OK
"""


def test_classes_in_a_package_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "CustomThings"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('what is beside it need not run')\n")
    (folder / "base.py").write_text(BASE)
    said = one(written(folder, CLASSES), OUTPUTS)
    assert in_frame(said)[:2] == [[320, 360, 480, 405], [0, 0, 1280, 720]]
    assert len(one(folder / "my_parser.py", {"boxes:0": np.zeros((1, 3, 6), np.float32)}).detections) == 0


SCRIPT = """
import sys
import gi
from gi.repository import Gst, GLib
import pyds
class Pipeline:
    def __init__(self, config_file, class_names, image_width=1280, image_height=720):
        self.class_names, self.image_width, self.image_height = class_names, image_width, image_height
    def add_obj_meta_to_frame(self, thing, batch_meta, frame_meta):
        obj = pyds.nvds_acquire_obj_meta_from_pool(batch_meta)
        obj.rect_params.left = int(self.image_width * thing.left)
        obj.rect_params.top = int(self.image_height * thing.top)
        obj.rect_params.width = int(self.image_width * thing.width)
        obj.rect_params.height = int(self.image_height * thing.height)
        obj.confidence, obj.class_id = thing.detectionConfidence, thing.classId
        obj.obj_label = self.class_names[thing.classId]
        pyds.nvds_add_obj_meta_to_frame(frame_meta, obj, None)
    def find(self, layers, name):
        for layer in layers:
            if layer.dataType == 0 and layer.layerName == name:
                dims = np.trim_zeros(layer.dims.d, "b").tolist()
                ptr = ctypes.cast(pyds.get_ptr(layer.buffer), ctypes.POINTER(ctypes.c_float))
                return np.ctypeslib.as_array(ptr, shape=[1] + dims)
class Mine(Pipeline):
    def __init__(self, config_file, class_file_name):
        super().__init__(config_file, open(args.class_file_name).readlines())
    def parser(self, layers):
        found = []
        for row in self.find(layers, "boxes:0")[0][:2]:
            info = pyds.NvDsInferObjectDetectionInfo()
            info.classId, info.detectionConfidence = int(row[0]), row[1]
            info.left, info.top, info.width, info.height = row[2:] / 416
            found.append(info)
        return found
if __name__ == "__main__":
    Mine().run()
"""


def test_a_script_of_the_pipelines_is_called_for_its_parser(tmp_path: Path) -> None:
    said = one(written(tmp_path, SCRIPT), OUTPUTS)
    assert in_frame(said) == [[320, 360, 480, 405], [0, 0, 1280, 720]]
    assert [said.detections.name_of(i) for i in range(2)] == ["one", "three"]


def test_the_muxed_picture_may_be_letterboxed(tmp_path: Path) -> None:
    text = (
        "model_type = 0\nname = 'x'\ndef parse_det_model(config, raw): return [[100, 0, 200, 400]], [0], [0.5], None\n"
    )
    path = written(tmp_path, text)
    tall = view(3, 416, frame=(480, 640))  # in 800x400, padded: 300 pixels wide, from 250 to 550
    for padding, wanted in ((False, [60, 0, 180, 640]), (True, [-240, 0, 80, 640])):
        parser = TrustedParser(Code(path, muxed=Muxed((800, 400), padding)))
        (said,) = parser(OUTPUTS, model(OUTPUTS), [tall])
        assert tall.boxes_to_frame(said.detections.xyxy).round(3).tolist() == [wanted]


def test_what_a_view_of_a_part_of_the_frame_says_lies_in_that_part(tmp_path: Path) -> None:
    from dataclasses import replace

    text = "model_type = 0\nname = 'x'\ndef parse_det_model(config, raw): return [[0, 0, 640, 360]], [0], [0.5], None\n"
    crop = replace(view(), matrix=np.array([[0.5, 0, 100], [0, 0.25, 200]]))
    (said,) = TrustedParser(Code(written(tmp_path, text)))(OUTPUTS, model(OUTPUTS), [crop])
    assert crop.boxes_to_frame(said.detections.xyxy).tolist() == [[100, 200, 204, 252]]


def test_everything_a_stand_in_promises_is_there() -> None:
    from sightline.parsers.standins import pyds

    words: Any = pyds
    names = """NvDsFrameMeta gst_buffer_get_nvds_batch_meta NvDsObjectMeta get_string NvDsUserMeta NvDsMetaType
    nvds_acquire_display_meta_from_pool nvds_add_display_meta_to_frame get_detections NvDsTargetMiscDataBatch
    NvDsTargetMiscDataStream NvDsTargetMiscDataObject NvDsInferSegmentationMeta get_segmentation_masks
    get_nvds_buf_surface unmap_nvds_buf_surface nvds_acquire_user_meta_from_pool nvds_add_user_meta_to_frame
    alloc_nvds_event_msg_meta NvDsEventMsgMeta NvDsVehicleObject NvDsPersonObject NvDsAnalyticsFrameMeta
    NvDsAnalyticsObjInfo NvOSD_RectParams get_nvds_LayerInfo NvDsInferTensorMeta NvDsInferObjectDetectionInfo
    nvds_acquire_obj_meta_from_pool nvds_add_obj_meta_to_frame free_buffer get_ptr NVDSINFER_TENSOR_OUTPUT_META
    NVDSINFER_SEGMENTATION_META alloc_nvds_vehicle_object alloc_nvds_person_object NvDsClassifierMeta"""
    assert [name for name in names.split() if not hasattr(words, name)] == []
    frame = words.NvDsFrameMeta()
    for k in range(3):
        item = words.nvds_acquire_obj_meta_from_pool(None)
        item.class_id = k
        words.nvds_add_obj_meta_to_frame(frame, item, None)
    node, seen = frame.obj_meta_list, []
    while node is not None:
        seen.append(words.NvDsObjectMeta.cast(node.data).class_id)
        node = node.next
    assert seen == [0, 1, 2]
    user = words.nvds_acquire_user_meta_from_pool(None)
    message = words.alloc_nvds_event_msg_meta(user)
    assert user.user_meta_data is message
    assert words.get_detections(np.array([1, 2.5], np.float32), 1) == 2.5
    vehicle = words.alloc_nvds_vehicle_object()
    vehicle.type = "sedan"
    assert vehicle.type == "sedan"
    words.nvds_remove_obj_meta_from_frame(frame, item)
    assert frame.num_obj_meta == 2
