"""What side files of DeepStream become as a whole: parts that can be built, and faults with their place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from side_formats import BOX, CASCADED, FORMATS, REID, Said, keys, yaml

from sightline.config import ModelConfig, PartConfig, RegionConfig, StageConfig
from sightline.errors import ConfigError, ModelError
from sightline.foreign.analytics_config import analytics_of
from sightline.foreign.dewarper_config import dewarper_of, read_dewarper
from sightline.foreign.kinds import kind_of
from sightline.foreign.least_score import least_score
from sightline.foreign.msgconv import ROW, described_of
from sightline.foreign.nvmot import NearestTracker, nearest_tracker, not_below, tracker_of
from sightline.foreign.preprocess_config import preprocess_of
from sightline.foreign.side_kinds import SIDE_KINDS
from sightline.foreign.written import Written, read_written, written_of
from sightline.parts import construct


def test_parts_are_what_the_parts_take() -> None:
    for name, kind in (("nvtracker", "tracker"), ("nvtracker of old", "tracker"), ("dewarper", "dewarp")):
        one = FORMATS[name]
        made = one.made(one.form(one.base))
        for part in [made.tracker] if isinstance(made, NearestTracker) else cast("tuple[PartConfig, ...]", made):
            construct(kind, part.kind, part.options)
    made = analytics_of(keys(FORMATS["nvdsanalytics"].base))
    for parts in made.streams.values():
        for part in parts:
            construct("analytic", part.kind, part.options)
    construct("payload", "deepstream", described_of(keys(FORMATS["msgconv"].base)).options())


def test_analytics_of_each_stream() -> None:
    made = analytics_of(keys(FORMATS["nvdsanalytics"].base), ("car",), muxed_wh=(1280, 720))
    assert {number: [part.kind for part in parts] for number, parts in made.streams.items()} == {
        0: ["roi", "crowd"],
        1: ["crossing", "direction"],
    }
    roi = made.streams[0][0].options
    assert (roi["name"], roi["inverse"], "classes" in roi) == ("RF", False, False)
    assert roi["points"] == [[0, 0], [round(100 / 1920, 6), 0], [round(100 / 1920, 6), round(100 / 1080, 6)]]
    line = made.streams[1][0].options
    assert line["toward"] == [[round(10 / 1920, 6), round(10 / 1080, 6)], [round(20 / 1920, 6), round(20 / 1080, 6)]]
    assert line["points"] == [[round(30 / 1920, 6), round(30 / 1080, 6)], [round(40 / 1920, 6), round(90 / 1080, 6)]]
    assert (line["mode"], line["extended"], line["size_wh"]) == ("loose", True, [1280, 720])
    assert made.streams[1][1].options["mode"] == "balanced"


def test_classes_are_labels_and_names_stay_apart() -> None:
    said = FORMATS["nvdsanalytics"].base | {("roi-filtering-stream-0", "class-id"): "1;0;7"}
    said |= {("overcrowding-stream-0", "roi-RF"): BOX, ("roi-filtering-stream-0", "class-idd"): "1"}
    parts = analytics_of(keys(said), ("car", "person")).streams[0]
    assert parts[0].options["classes"] == ["person", "car", "class7"]
    assert [part.options["name"] for part in parts] == ["RF", "OC", "RF-crowd"]


def test_what_is_odd_in_analytics_is_told() -> None:
    said = FORMATS["nvdsanalytics"].base | {
        ("roi-filtering-stream-0", "roi-RF"): "0;0;2000;0;100;100",
        ("line-crossing-stream-1", "mode"): "sloppy",
        ("overcrowding-stream-3", "enable"): "1",
    }
    notes = analytics_of(keys(said)).notes
    assert len(notes) == 3
    assert "c.txt:8: roi-RF lies partly outside the picture of 1920x1080" in notes[0]
    assert "mode=sloppy: no such mode, loose is used; known: strict, balanced, loose" in notes[1]
    assert "[overcrowding-stream-3] has no roi-<name>" in notes[2]


@pytest.mark.parametrize(
    ("place", "value", "why"),
    [
        (("roi-filtering-stream-0", "roi-RF"), "1;2;3", "expected at least 3 points x;y;x;y..., got 3 numbers"),
        (("roi-filtering-stream-0", "roi-RF"), "1;2;3;4;5;six", "expected numbers with semicolons between them"),
        (("roi-filtering-stream-0", "roi-RF"), "1;2;3;4;5;-6", "lies outside the picture"),
        (("line-crossing-stream-1", "line-crossing-Exit"), "1;2;3;4", "expected 4 points x;y;x;y..., got 4 numbers"),
        (("direction-detection-stream-1", "direction-South"), "1;2", "expected 2 points x;y;x;y..., got 2 numbers"),
        (("overcrowding-stream-0", "object-threshold"), "0", "expected a number of objects from 1 on"),
        (("overcrowding-stream-0", "time-threshold"), "-1", "expected milliseconds from 0 on"),
        (("property", "config-width"), "0", "expected pixels, 1 to 65536"),
        (("property", "config-width"), "wide", "expected a number"),
        (("roi-filtering-stream-0", "class-id"), "-2", "a class is a number from 0 on"),
        (("roi-filtering-stream-0", "enable"), "maybe", "expected 0 or 1"),
    ],
)
def test_faults_name_file_line_and_key(place: tuple[str, str], value: str, why: str) -> None:
    written = keys(FORMATS["nvdsanalytics"].base | {place: value})
    entry = written.get(*place)
    assert entry is not None
    with pytest.raises(ConfigError) as caught:
        analytics_of(written)
    assert str(caught.value).startswith(f"c.txt:{entry.line}: {place[1]}={value}: ")
    assert why in str(caught.value)


def test_points_without_a_picture_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"c\.txt: \[property\] needs config-height"):
        analytics_of(keys({("property", "config-width"): "1920", ("roi-filtering-stream-0", "enable"): "1"}))


def test_files_as_people_write_them() -> None:
    """A mark, carriage returns, blanks, comments behind values, a group and a key said twice, another alphabet."""
    lines = [
        *("\ufeff[property]", "enable = 1", "config-width=1920 # of the camera", "config-height=1080"),
        *("[roi-filtering-stream-0]", "enable=1", "roi-Stra\u00dfe=0;0;100;0;100;100;", "class-id=-1;"),
        *("[roi-filtering-stream-0]", "inverse-roi=0", "inverse-roi=1", "class-idd=3"),
    ]
    written = written_of("\r\n".join(lines), Path("c.txt"))
    (roi,) = analytics_of(written).streams[0]
    assert (roi.options["name"], roi.options["inverse"]) == ("Stra\u00dfe", True)
    odd = {f.line: f.why for f in SIDE_KINDS["nvdsanalytics"].fates(written) if f.status in ("unknown", "ignored")}
    assert odd == {10: "said again in line 11, which wins", 12: "unknown key; did you mean class-id?"}


def test_preprocessing_of_frames_and_of_objects() -> None:
    said = {**FORMATS["nvdspreprocess"].base, ("group-1", "src-ids"): "-1", ("group-1", "process-on-roi"): "0"}
    made = preprocess_of(keys(said), ("front", "back"))
    regions = cast("tuple[RegionConfig, ...]", made.model["regions"])
    assert [(region.box, region.px, region.streams) for region in regions] == [
        ((0, 540, 900, 1040), True, ("front",)),
        ((0, 0, 1, 1), False, ("back",)),
    ]
    # of the muxer's picture, and not beyond it
    (first, _) = cast(
        "tuple[RegionConfig, ...]", preprocess_of(keys(said), ("a", "b"), (), (1800, 1000)).model["regions"]
    )
    assert (first.box, first.px) == ((0, 0.54, 0.5, 1), False)
    with pytest.raises(ConfigError, match="the region at 0,540 is outside the muxer's 1280x480"):
        preprocess_of(keys(said), muxed_wh=(1280, 480))
    # -1 stands for the streams that no group names, with the first regions of its group
    said |= {("group-1", "process-on-roi"): "1", ("group-1", "roi-params-src-3"): "1;2;3;4"}
    regions = cast("tuple[RegionConfig, ...]", preprocess_of(keys(said), ("front", "back", "c", "d")).model["regions"])
    assert (regions[-1].box, regions[-1].streams) == ((1, 2, 4, 6), ("c", "d"))
    assert (made.targets, made.model["scale"], made.model["resize"]) == ((1,), (255.000041,), "stretch")
    said |= {("property", "process-on-frame"): "0", ("property", "operate-on-gie-id"): "4"}
    said |= {("group-0", "operate-on-class-ids"): "1", ("group-1", "input-object-min-width"): "32"}
    made = preprocess_of(keys(said), labels=("car", "person"))
    assert (made.operate_on, made.stage["objects"], made.stage["min_size_px"]) == (4, ("person",), (32.0, 0.0))
    assert "regions" not in made.model
    with pytest.raises(ConfigError, match=r"c\.txt:\d+: roi-params-src-0=1;2;3: expected left;top;width;height"):
        preprocess_of(keys({**FORMATS["nvdspreprocess"].base, ("group-0", "roi-params-src-0"): "1;2;3"}))


def test_sensors_by_their_number() -> None:
    text = '[sensor0]\nenable=1\nid=CAM\ndescription="Aisle"\nlocation=1;2;3\n[sensor1]\nenable=0\nid=OFF\n'
    made = described_of(written_of(text + "[place0]\nenable=1\nname=X\nplace-sub-field2=Lane 1\n", Path("m.txt")))
    # quotes of a key file are part of what is said, as in DeepStream's own messages
    assert made.sensors == {"0": {"id": "CAM", "description": '"Aisle"', "location": [1, 2, 3]}}
    assert made.places == {"0": {"name": "X", "fields": ["", "Lane 1", ""]}}
    made = described_of(written_of('sensor0:\n  enable: 1\n  description: "Aisle"\n', Path("m.yml")))
    assert made.options() == {"sensors": {"0": {"description": "Aisle"}}}
    with pytest.raises(ConfigError, match=r"m\.txt:3: location=1;2: expected three numbers"):
        described_of(written_of("[sensor0]\nenable=1\nlocation=1;2\n", Path("m.txt")))


def test_sensors_of_a_table() -> None:
    head = "serial,sensorId,camDesc,cameraIDString,aisleId,aisleName,level,dewarpTopAngle,gx0\n"
    written = written_of(head + "0,S0,Aisle,C,A0,Lane 1,P1,90,1\n9,S1,Spot,C,A1,Lane 2,P2,80,1\n", Path("m.csv"))
    assert kind_of(written) is SIDE_KINDS["msgconv"]
    assert {fate.key: fate.status for fate in SIDE_KINDS["msgconv"].fates(written)} == {
        "serial": "ignored",
        "sensorId": "honoured",
        "camDesc": "honoured",
        "cameraIDString": "ignored",
        "aisleId": "honoured",
        "aisleName": "honoured",
        "level": "honoured",
        "dewarpTopAngle": "translated",
        "gx0": "ignored",
    }
    made = described_of(written)
    assert made.sensors["1"] == {"id": "S1", "type": "Camera", "description": "Spot"}
    assert made.places["0"]["fields"] == ["A0", "Lane 1", "P1"]
    with pytest.raises(ConfigError, match=r"m\.csv:2: 2 columns; a sensor's row has at least 7"):
        described_of(written_of("serial,sensorId\n0,S0\n", Path("m.csv")))


@pytest.mark.parametrize("column", ["sensorId", "camDesc", "aisleId", "aisleName", "level"])
def test_every_column_that_counts(column: str) -> None:
    assert ROW[column].status == "honoured"
    names = ["serial", "sensorId", "camDesc", "cameraIDString", "aisleId", "aisleName", "level"]
    made = [
        described_of(written_of(",".join(names) + "\n" + ",".join(cells) + "\n", Path("m.csv")))
        for cells in (["a"] * 7, ["b" if name == column else "a" for name in names])
    ]
    assert made[0] != made[1]


def test_the_nearest_tracker() -> None:
    def made(*said: Said, score: float = 0.0) -> PartConfig:
        return not_below(tracker_of(yaml({k: v for one in said for k, v in one.items()})).tracker, score)

    base: Said = {("BaseConfig", "minDetectorConfidence"): "0"}
    assert made(base).kind == "iou"
    assert made(base, {("StateEstimator", "stateEstimatorType"): "1"}).kind == "sort"
    assert made(base, CASCADED).kind == "bytetrack"
    assert made(base, REID).kind == "botsort"
    # what the model drops never reaches the tracker there
    assert "low" not in made(base).options
    assert made(base, score=0.2).options["low"] == 0.2
    assert made({("BaseConfig", "minDetectorConfidence"): "0.3"}, score=0.2).options["low"] == 0.3
    sure = {("DataAssociator", "tentativeDetectorConfidence"): "0.1"}
    assert made(CASCADED, sure, score=0.2).options["high"] == 0.2
    assert made(CASCADED, sure, score=0.2).options["activate"] == 0.2
    assert not_below(PartConfig(kind="sort"), 0.2).options == {}
    # frames of probation are passed; no pair is one without overlap
    assert made({("TargetManagement", "probationAge"): "3"}).options["confirm"] == 4
    assert made({("NvDCF", "probationAge"): "3"}).options["confirm"] == 3
    assert made(base).options["match"] == 0.01


def test_a_model_of_looks_is_a_stage() -> None:
    said = {**REID, ("ReID", "netScaleFactor"): "0.5", ("ReID", "offsets"): "[1, 2, 3]"}
    made = tracker_of(yaml(said))
    assert made.appearance is not None
    assert made.appearance.model == "reid.onnx"
    stage = StageConfig.model_validate({"path": "reid.onnx", **made.appearance.settings})
    assert (stage.name, stage.mean, stage.scale, stage.resize) == ("appearance", (1, 2, 3), (2,), "letterbox")
    assert made.tracker.options["appearance"] == "appearance"
    assert made.alone.kind == "bytetrack"
    assert made.alone.options["match"] == made.tracker.options["match"]
    construct("tracker", made.alone.kind, made.alone.options)
    gone = tracker_of(yaml({("ReID", "reidType"): "2", ("TrajectoryManagement", "enableReAssoc"): "1"}))
    assert gone.appearance is None
    assert "no model that can be read; tracks go by boxes and motion alone" in gone.notes[0]


@pytest.mark.parametrize(
    ("library", "kind"),
    [
        ("/opt/nvidia/deepstream/deepstream/lib/libnvds_mot_iou.so", "iou"),
        ("/opt/nvidia/deepstream/deepstream/lib/libnvds_mot_klt.so", "sort"),
        ("libnvds_nvdcf.so", "sort"),
        ("/opt/nvidia/deepstream/deepstream/lib/libnvds_nvmultiobjecttracker.so", "iou"),
        ("light-tracker", "sort"),
        ("liblightmot.so", "sort"),
    ],
)
def test_a_library_alone(library: str, kind: str) -> None:
    made = nearest_tracker(library, None)
    assert (made.tracker.kind, made.notes) == (kind, ())
    construct("tracker", made.tracker.kind, made.tracker.options)


def test_a_library_of_somebody_else_is_told() -> None:
    made = nearest_tracker("libmine.so", None)
    assert made.tracker.kind == "bytetrack"
    other = nearest_tracker("libnvds_mot_iou.so", keys({("property", "enable"): "1"}))
    assert other.tracker.kind == "iou"
    assert other.notes == ("c.txt: says nothing of a tracker; its library decides",)
    assert "libmine.so: no known tracker; bytetrack is used" in made.notes[0]


def test_dewarped_views() -> None:
    made = dewarper_of(
        keys({**FORMATS["dewarper"].base, ("surface1", "projection-type"): "3", ("surface1", "src-fov"): "60"})
    )
    assert [(view.kind, view.options["to"]) for view in made.views] == [
        ("fisheye", "perspective"),
        ("lens", "perspective"),
    ]
    assert made.views[0].options["output_width"] == 1920
    assert made.views[0].options["output_height"] == 752
    turned = {("surface0", "rot-matrix"): "1;2;3;4;5;6;7;8;9", ("surface0", "rot-axes"): "AB"}
    made = dewarper_of(keys({**FORMATS["dewarper"].base, **turned}))
    assert made.views[0].options["rotation"] == [1, 4, 7, 2, 5, 8, 3, 6, 9]
    assert "axes" not in made.views[0].options
    assert "rot-axes=AB: no order of X, Y and Z" in made.notes[0]
    with pytest.raises(ConfigError, match=r"c\.txt:\d+: projection-type=19: no projection; known: 1 to 18"):
        dewarper_of(keys({**FORMATS["dewarper"].base, ("surface0", "projection-type"): "19"}))
    with pytest.raises(ConfigError, match=r"no \[surface0\]"):
        dewarper_of(keys({("property", "output-width"): "1920"}))


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("[property]\nonnx-file=a\n[class-attrs-all]\npre-cluster-threshold=0.4\n[class-attrs-2]\nthreshold=0.3", 0.3),
        ("[property]\nonnx-file=a\n", 0.0),
        ("infer_config {\n postprocess { detection { nms { confidence_threshold: 0.25 } } } }", 0.25),
        ("infer_config {\n postprocess { detection { per_class_params { value { pre_threshold: 0.1 } } } } }", 0.1),
    ],
)
def test_the_threshold_of_a_models_own_file(text: str, least: float) -> None:
    assert least_score(written_of(text, Path("c.txt"))) == least


def test_views_of_calibration_tables(tmp_path: Path) -> None:
    config = tmp_path / "dewarp.txt"
    config.write_text(
        "[property]\naisle-calibration-file=csv/aisle.csv\nspot-calibration-file=csv/spot.csv\n"
        "[surface0]\nprojection-type=3\nfocal-length=100\n"
    )
    assert [view.kind for view in read_dewarper(config).views] == ["lens"]
    assert "csv/aisle.csv is missing; the surfaces of this file are used" in read_dewarper(config).notes[0]
    (tmp_path / "csv").mkdir()
    head = "serial,x,dewarpTopAngle,dewarpBottomAngle,dewarpPitch,dewarpYaw,dewarpRoll,dewarpFocalLength,"
    rows = "{n},a,90,0,0,0,10,437,1902,1500\n{n},b,90,0,0,0,10,437,1902,1500\n{n},c,80,0,0,0,10,437,1902,1500\n"
    for name in ("aisle", "spot"):
        text = f"{head}dewarpWidth,dewarpHeight\n{rows.format(n=0)}{rows.format(n=1).replace('437', '500')}"
        (tmp_path / "csv" / f"{name}.csv").write_text(text)
    made = read_dewarper(config, 1)
    assert [view.options["to"] for view in made.views] == ["pushbroom"] * 2 + ["lying-cylinder"] * 2
    assert {view.options["focal_px"] for view in made.views} == {500.0}
    with pytest.raises(ConfigError, match="neither table has a row for source 7"):
        read_dewarper(config, 7)


# -- any text at all -------------------------------------------------------------------------------------------------

MADE = [one.made for one in FORMATS.values()]
_VALUES = st.one_of(
    st.sampled_from(["0", "1", "-1", "1e309", "nan", "", ";", ";;;", "1;2;3;4", "a", "[1, 2]", "1" * 400, "é"]),
    st.text(max_size=12),
)


def refused(make: Callable[[], object]) -> str:
    """What was said against it; "" for nothing."""
    try:
        make()
    except (ConfigError, ModelError) as error:
        return str(error)
    return ""


@given(st.data())
def test_any_values_are_refused_with_their_place(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(FORMATS)))
    one = FORMATS[name]
    said = dict(one.base)
    for group, key in data.draw(st.lists(st.sampled_from(sorted(one.cases)), max_size=4)):
        said[one.place(group, key)] = data.draw(_VALUES).replace("\n", " ").replace("\r", " ")
    refusal = refused(lambda: one.made(one.form(said)))
    assert refusal.startswith(("c.txt", "c.yml", "aisle.csv", "spot.csv")) or not refusal
    assert len(refusal) < 400


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    text = "[property]\nconfig-width=10\nconfig-height=10\nenable=1\n" + data.decode("latin-1")
    for suffix in (".txt", ".yml", ".csv"):
        for made in MADE:
            refusal = refused(lambda made=made, suffix=suffix: made(written_of(text, Path(f"c{suffix}"))))
            assert refusal.startswith("c") or not refusal
        refused(
            lambda suffix=suffix: [kind.is_it(written_of(text, Path(f"c{suffix}"))) for kind in SIDE_KINDS.values()]
        )


# -- the real files --------------------------------------------------------------------------------------------------


def published() -> list[Path]:
    root = os.environ.get("SIGHTLINE_ASSETS")
    if not root:
        pytest.skip("SIGHTLINE_ASSETS does not name the folder of test assets")
    files = sorted((Path(root) / "deepstream-configs").rglob("*"))
    return [file for file in files if file.suffix in (".txt", ".yml", ".yaml", ".csv", ".pbtxt") and file.is_file()]


def test_no_key_of_a_published_side_file_is_unknown() -> None:
    unknown: list[str] = []
    counts: dict[str, int] = {}
    called = {kind.called: name for name, kind in SIDE_KINDS.items()}
    for path in published():
        written = read_written(path)
        kind = kind_of(written)
        if kind.called not in called:
            continue
        counts[called[kind.called]] = counts.get(called[kind.called], 0) + 1
        fates = kind.fates(written)
        assert [(f.line, f.group, f.key) for f in fates] == [(e.line, e.group, e.key) for e in written.entries]
        unknown += [f"{path.name}:{f.line}: {f.key}" for f in fates if f.status == "unknown"]
        _make(called[kind.called], written)
    assert unknown == []
    assert counts["nvdsanalytics"] >= 8
    assert counts["nvtracker"] >= 15
    assert counts["message-broker"] >= 15
    assert counts["triton"] >= 40
    assert set(counts) >= {"nvdspreprocess", "dewarper", "msgconv", "postprocess", "metamux", "nvstreammux"}


def _make(name: str, written: Written) -> None:
    """What the file says can be built."""
    if name == "nvdsanalytics":
        for parts in analytics_of(written).streams.values():
            for part in parts:
                construct("analytic", part.kind, part.options)
    elif name == "nvtracker":
        tracker = tracker_of(written).tracker
        construct("tracker", tracker.kind, tracker.options)
    elif name == "dewarper":
        for view in dewarper_of(written).views:
            construct("dewarp", view.kind, view.options)
    elif name == "msgconv":
        construct("payload", "deepstream", described_of(written).options())
    elif name == "nvdspreprocess":
        made = preprocess_of(written)
        ModelConfig.model_validate({"path": "model.onnx", **made.model})
