"""Each kind of bad code, for real: what it costs, what is said, and that nothing hangs."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from sightline.errors import RuntimeFailure, UsageError
from sightline.parsers.code import Code
from sightline.parsers.worker_parser import WorkerParser
from sightline.protocols import Parser
from tests.parsers.asking import LIMIT_S, Ran, model, one, over, same, view, written

GOOD = """
def good(n=1):
    return Detections(np.tile(np.array([[1, 2, 3, 4.5]], np.float32), (n, 1)), np.full(n, 0.5, np.float32),
                      np.arange(n, dtype=np.int32))
"""
BLURT = """
def blurt(fd):
    try: os.write(fd, b"x" * 64)
    except OSError: pass
"""
FRAMES = 4


def bad(folder: Path, line: str, **limits: float) -> Ran:
    """A parser that does `line` in frame 1 of 4, and is good otherwise."""
    head = f"{GOOD}\ndef parse(outputs, spec, view):\n    if view.frame.index == 1:"
    text = f"{head}\n        {line}\n    return good()\n{BLURT}"
    path = written(folder, text)
    given = {"time_limit_s": LIMIT_S, **limits}
    return over(Code(path, **given), FRAMES)  # pyright: ignore[reportArgumentType]


# `bad` puts the line at number 11
RAISING = {
    "1 / 0": "my_parser.py:11: ZeroDivisionError: division by zero",
    "import cv3": "my_parser.py:11: No module named 'cv3'; install it: pip install cv3",
    "sys.exit('bye')": "my_parser.py:11: SystemExit: bye",
    "raise KeyboardInterrupt": "my_parser.py:11: KeyboardInterrupt",
    "(lambda f: f(f))(lambda f: f(f))": "my_parser.py:11: RecursionError: maximum recursion depth exceeded",
    "outputs['no']": "my_parser.py:11: KeyError: 'no'",
    "os.fork()": "my_parser.py:11: PermissionError: this code may not fork its process; start a program with "
    "subprocess, or a thread",
}


@pytest.mark.parametrize("line", RAISING)
def test_what_raises_costs_its_frame_and_is_told_by_file_and_line(tmp_path: Path, line: str) -> None:
    ran = bad(tmp_path, line)
    assert ran.boxes == [1, 0, 1, 1]
    assert ran.faults == {RAISING[line]: 1}
    assert ran.starts == 1


RETURNED = {
    "[1, 2, 3]": "a list of 3; expected Detections, a Prediction or None",
    "'no'": "'no'; expected Detections, a Prediction or None",
    "np.zeros((3, 4))": "float64 (3, 4); expected Detections, a Prediction or None",
    "Detections(np.full((2, 4), np.nan), np.zeros(2), np.zeros(2, int))": "xyxy: row 0 holds NaN; "
    "expected finite numbers",
    "Detections(np.full((2, 4), 1e300), np.zeros(2), np.zeros(2, int))": "xyxy: row 0 holds infinity; expected finite "
    "numbers",
    "Detections(np.array([[5, 5, 1, 9.0]]), np.zeros(1), np.zeros(1, int))": "xyxy: row 0 is (5, 5, 1, 9), a negative "
    "size; expected the corners x1, y1, x2, y2",
    "Detections(np.array([['a', 'b', 'c', 'd']]), np.zeros(1), np.zeros(1, int))": "xyxy: expected float32, got "
    "<U1 (1, 4)",
    "Detections(np.zeros((1, 4)), np.array([87.0]), np.zeros(1, int))": "score: row 0 is 87; expected 0..1",
    "Detections(np.zeros((1, 4)), np.zeros((1, 1)), np.zeros(1, int))": "score: expected shape (1,), got (1, 1)",
    "Detections(np.zeros((1, 4)), np.zeros(1), np.zeros(1))": "label: expected int32 of shape (1,), got float64 (1,)",
    "Detections(np.zeros((1, 4)), np.zeros(1), np.array([-1]))": "label: row 0 is -1; expected 0 or more",
    "Detections(np.zeros((1, 4)), np.zeros(1), np.zeros(1, int), keypoints=np.full((1, 2, 3), np.inf))": "keypoints: "
    "row 0 holds infinity; expected finite numbers",
    "Prediction(custom={'a': {1, 2}})": "custom['a']: a set has no JSON; expected numbers, text, "
    "lists and dicts of them",
    "Prediction(custom=[float('nan')])": "custom[0]: nan has no JSON; expected a finite number",
    "Prediction(classmap=np.full((2, 2), 300))": "classmap: expected class ids 0..255, got 300..300",
    "Prediction(embedding=np.zeros((2, 2)))": "embedding: expected shape (any,), got (2, 2)",
    "Prediction(text=5)": "text: expected str or None, got 5",
}


def test_what_is_returned_wrongly_is_told_with_what_was_expected(tmp_path: Path) -> None:
    values = ",\n    ".join(f"lambda: {text}" for text in RETURNED)
    text = f"{GOOD}\nVALUES = [\n    {values},\n]\ndef parse(outputs, spec, view):\n    k = view.frame.index\n"
    path = written(tmp_path, text + "    return VALUES[k // 2]() if k % 2 else good()\n")
    ran = over(Code(path, time_limit_s=LIMIT_S), 2 * len(RETURNED))
    assert ran.boxes == [1, 0] * len(RETURNED)
    assert list(ran.faults) == [f"my_parser.py: parse returned {said}" for said in RETURNED.values()]
    assert ran.starts == 1


def test_what_the_record_itself_refuses_is_told_by_its_line(tmp_path: Path) -> None:
    ran = bad(tmp_path, "return Detections(np.zeros((3, 5)), np.zeros(3), np.zeros(3, int))")
    assert ran.faults == {"my_parser.py:11: ValueError: xyxy: expected shape (3, 4), got (3, 5)": 1}


DEADLY = {
    "os._exit(3)": "my_parser.py:11: ended its process (exit status 3)",
    "ctypes.string_at(0)": "my_parser.py:11: its process crashed (SIGSEGV)",
    "os.abort()": "my_parser.py:11: its process crashed (SIGABRT)",
    "os.kill(os.getpid(), 9)": "my_parser.py: its process was killed (SIGKILL)",
    "os.closerange(0, 200)": "my_parser.py: closed the channel of its results",
    "list(map(blurt, range(3, 99)))": "my_parser.py: wrote into the channel of its results",
}


@pytest.mark.parametrize("line", DEADLY)
def test_what_kills_the_process_costs_its_frame_and_a_restart(tmp_path: Path, line: str) -> None:
    ran = bad(tmp_path, line)
    assert ran.boxes == [1, 0, 1, 1]
    assert ran.faults == {DEADLY[line]: 1}
    assert ran.starts == 2


@pytest.mark.parametrize(
    "line", ["time.sleep(1000)", "while True: pass", "__import__('subprocess').run(['sleep', '99'])"]
)
def test_what_never_ends_is_ended_by_the_time_limit_and_its_line_is_named(tmp_path: Path, line: str) -> None:
    ran = bad(tmp_path, line, time_limit_s=0.5)
    assert ran.boxes[1] == 0
    assert ran.faults.get("my_parser.py:11: took longer than 0.5 s for a frame (time_limit_s)", 0) >= 1
    assert ran.starts >= 2


def test_memory_has_a_limit_and_the_process_begins_anew(tmp_path: Path) -> None:
    ran = bad(tmp_path, "kept = [np.ones(1 << 22) for _ in range(64)]", memory_mb=300)
    assert ran.boxes == [1, 0, 1, 1]
    assert ran.fault.startswith("my_parser.py:11: MemoryError: Unable to allocate 32.0 MiB")
    assert ran.starts == 2


def test_a_forked_copy_by_other_means_ends_when_it_returns(tmp_path: Path) -> None:
    ran = bad(tmp_path, "ctypes.CDLL(None).fork()")
    assert (ran.boxes, ran.faults, ran.starts) == ([1, 1, 1, 1], {}, 1)


def test_what_is_printed_is_collected_and_never_waited_for(tmp_path: Path) -> None:
    text = f"""{GOOD}
def parse(outputs, spec, view):
    if view.frame.index == 0:
        print("from print")
        os.write(1, b"from the descriptor\\n")
        os.system("echo from a program")
        sys.stderr.write("from stderr\\n")
    else:
        for _ in range(30000):
            print("x" * 100)
    return good()
"""
    ran = over(Code(written(tmp_path, text), time_limit_s=LIMIT_S), 2)
    assert (ran.boxes, ran.faults) == ([1, 1], {})
    assert len(ran.printed) <= 1000
    first = over(Code(tmp_path / "my_parser.py", time_limit_s=LIMIT_S), 1)
    assert first.printed == ["from print", "from the descriptor", "from a program", "from stderr"]


START = {
    "import foo_bar\ndef parse(outputs, spec, view): pass\n": "my_parser.py:4: No module named 'foo_bar'; install it: "
    "pip install foo_bar",
    "def prase(outputs, spec, view): pass\n": "my_parser.py: it defines no parser: expected def parse",
    "def parse(outputs, spec, view)\n    pass\n": "my_parser.py:4: SyntaxError: expected ':'",
    "def parse(outputs, spec, view): pass\nos._exit(5)\n": "my_parser.py:5: ended its process (exit status 5)",
    "def parse(o, s, v): pass\ndef setup(options): options['missing']\n": "my_parser.py:5: KeyError: 'missing'",
    "model_type = 1\ndef parse_det_model(config, raw): pass\n": "my_parser.py: model_type is 1, but "
    "parse_custom_model(config, raw_outputs) is not defined",
    "model_type = 7\ndef parse_det_model(config, raw): pass\n": "my_parser.py: model_type is 7; expected 0",
    "gie_unique_id = 'x'\ndef parse_sgie_model(config, raw): pass\n": "my_parser.py: gie_unique_id is 'x'",
}


@pytest.mark.parametrize("text", START)
def test_what_cannot_begin_is_an_error_at_once(tmp_path: Path, text: str) -> None:
    parser = WorkerParser(Code(written(tmp_path, text)))
    with pytest.raises(UsageError) as error:
        parser.start()
    parser.close()
    assert str(error.value).startswith(START[text])


def test_an_import_without_end_is_ended_and_without_start_it_is_told_by_collect(tmp_path: Path) -> None:
    path = written(tmp_path, "time.sleep(1000)\ndef parse(outputs, spec, view): pass\n")
    parser = WorkerParser(Code(path, start_limit_s=0.5))
    outputs = {"out": np.zeros((1, 4), np.float32)}
    parser.submit(outputs, model(outputs), [view()])
    with pytest.raises(UsageError, match=r"my_parser.py:4: was not ready after 0.5 s \(start_limit_s\)"):
        parser.collect(LIMIT_S)
    parser.close()


def test_code_that_cannot_begin_again_costs_frames_never_the_run(tmp_path: Path) -> None:
    text = f"""{GOOD}
if os.path.exists({str(tmp_path / "second")!r}):
    raise RuntimeError("not twice")
def parse(outputs, spec, view):
    open({str(tmp_path / "second")!r}, "w").close()
    os._exit(1)
"""
    ran = over(Code(written(tmp_path, text), time_limit_s=LIMIT_S), 5)
    assert ran.boxes == [0] * 5
    again = "my_parser.py:10: RuntimeError: not twice (when it was started again)"
    assert ran.faults[again] >= 3
    assert ran.faults["my_parser.py cannot be started again; the next try is made later"] >= 1


def test_views_of_a_request_are_lost_one_by_one(tmp_path: Path) -> None:
    text = (
        f"{GOOD}\ndef parse(outputs, spec, view):\n    if view.frame.index % 3 == 1: os._exit(1)\n    return good(2)\n"
    )
    outputs = [{"out": np.zeros((3, 4), np.float32)}]
    ran = over(Code(written(tmp_path, text), time_limit_s=LIMIT_S), 6, outputs, batch=3)
    assert ran.boxes == [2, 0, 2, 2, 0, 2]
    assert ran.starts == 3


def test_each_view_sees_its_own_outputs_and_all_there_is_to_know(tmp_path: Path) -> None:
    text = """
def parse(outputs, spec, view):
    f = view.frame
    return Prediction(custom=[{k: [list(a.shape), str(a.dtype), float(a.sum())] for k, a in outputs.items()},
        f.stream.id, f.index, f.at.seconds, f.width, f.wall_ns, list(view.size_wh), view.matrix.tolist(),
        spec.labels, spec.name, f.picture is None])
"""
    a = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    outputs = [{"a": a, "n": np.array([7, 9], np.int64), "half": a.astype(np.float16)}]
    ran = over(Code(written(tmp_path, text), time_limit_s=LIMIT_S), 2, outputs, batch=2)
    for row, said in enumerate(p.custom for p in ran.predictions):
        assert isinstance(said, list)
        assert said[0] == {
            "a": [[3, 4], "float32", float(a[row].sum())],
            "n": [[1], "int64", float([7, 9][row])],
            "half": [[3, 4], "float16", float(a[row].sum())],
        }
        assert said[1:7] == ["cam", row, row / 25, 1280, 1000 + row, [416, 416]]
        assert said[7] == view().matrix.tolist()
        assert said[8:] == [["one", "two", "three"], "model", True]


def test_every_column_comes_back_as_it_was(tmp_path: Path) -> None:
    text = """
def parse(outputs, spec, view):
    n = 2
    columns = {"obb": np.arange(10, dtype=np.float32).reshape(n, 5), "embedding": np.ones((n, 3)),
               "text": np.array(["a", "b"], object), "custom": np.array([{"k": np.float32(1.5)}, None], object),
               "attributes": np.array([None, None], object)}
    columns["attributes"][:] = [(Attribute("hat", "yes", 0.5, 1),), ()]
    bits = np.full((4, 4), 9, np.uint8), np.zeros((1, 2), np.uint8)
    masks = Masks(np.array([[0, 0, 4, 4], [1, 1, 3, 2]], float), bits)
    found = Detections(outputs["out"][:2, :4].astype(np.float64), np.array([1, 0.25]), np.array([2, 0], np.uint8),
                       names=("x", "y", "z"), masks=masks, keypoints=np.ones((n, 2, 3)), columns=columns)
    return Prediction(found, (Attribute("day", "night", 1.0),), np.arange(6).reshape(2, 3), np.ones(4), "words",
                      ("m", "n"), (Mark(((0, 1), (2, 3)), (1, 0, 0, 0.5), 3, "hi", True),), {"a": [1, np.int64(2)]})
"""
    outputs = {"out": np.array([[[1, 2, 3, 4, 0], [5, 6, 7, 8, 0]]], np.float32)}
    said = one(written(tmp_path, text), outputs)
    found = said.detections
    assert found.xyxy.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert [a.dtype.name for a in (found.xyxy, found.score, found.label)] == ["float32", "float32", "int32"]
    assert (found.names, found.label.tolist(), said.text) == (("x", "y", "z"), [2, 0], "words")
    assert found.masks is not None
    assert found.masks.bits[0].tolist() == [[9] * 4] * 4
    assert found.columns["custom"].tolist() == [{"k": 1.5}, None]
    assert found.columns["text"].tolist() == ["a", "b"]
    assert found.columns["attributes"][0][0].label == "yes"
    assert said.custom == {"a": [1, 2]}
    assert said.marks[0].points == ((0.0, 1.0), (2.0, 3.0))


def test_nothing_is_a_prediction_with_the_label_table(tmp_path: Path) -> None:
    said = one(written(tmp_path, "def parse(outputs, spec, view): pass\n"), {"out": np.zeros((1, 2))})
    assert len(said.detections) == 0
    assert said.detections.names == ("one", "two", "three")


def test_own_labels_and_options_are_the_files(tmp_path: Path) -> None:
    text = f"{GOOD}\nlabels = ['car', 'dog']\nGIVEN = {{}}\ndef setup(options): GIVEN.update(options)\n"
    path = written(tmp_path, text + "def parse(outputs, spec, view): return Prediction(good(), custom=GIVEN)\n")
    parser = WorkerParser(Code(path, options={"least": 0.5, "names": ["a"]}))
    assert parser.start() == ("car", "dog")
    outputs = {"out": np.zeros((1, 2), np.float32)}
    parser.submit(outputs, model(outputs), [view()])
    (said,) = parser.collect(LIMIT_S) or []
    parser.close()
    assert (said.custom, said.detections.names) == ({"least": 0.5, "names": ["a"]}, ("car", "dog"))


def test_outputs_kept_beyond_their_frame_are_noticed(tmp_path: Path) -> None:
    text = "KEPT = []\ndef parse(outputs, spec, view): KEPT.append(outputs['out'][0])\n"
    ran = over(Code(written(tmp_path, text), time_limit_s=LIMIT_S), 2)
    assert ran.printed == ["output out is kept beyond its frame, and will change: keep a copy()"]
    fine = "KEPT = []\ndef parse(outputs, spec, view): KEPT.append(outputs['out'].copy())\n"
    assert over(Code(written(tmp_path, fine), time_limit_s=LIMIT_S), 2).printed == []


def test_outputs_may_change_size_and_be_empty(tmp_path: Path) -> None:
    path = written(tmp_path, "def parse(outputs, spec, view): return Prediction(custom=list(outputs['out'].shape))\n")
    sizes = [(1, 3), (1, 5000, 30), (1, 0, 7), (1, 3)]
    ran = over(Code(path, time_limit_s=LIMIT_S), 4, [{"out": np.zeros(s, np.float32)} for s in sizes])
    assert [p.custom for p in ran.predictions] == [[3], [5000, 30], [0, 7], [3]]


def test_it_is_a_parser_with_room_for_two_that_starts_when_asked(tmp_path: Path) -> None:
    path = written(tmp_path, f"{GOOD}\ndef parse(outputs, spec, view): return good()\n")
    parser = WorkerParser(Code(path, time_limit_s=LIMIT_S))
    assert isinstance(parser, Parser)
    assert (parser.room, parser.starts, parser.collect(0.0)) == (True, 0, None)
    outputs = {"out": np.zeros((1, 2), np.float32)}
    for k in range(2):
        parser.submit(outputs, model(outputs), [view(k)])
    if not parser.room:
        with pytest.raises(RuntimeFailure, match="without room"):
            parser.submit(outputs, model(outputs), [view(2)])
    for _ in range(2):
        answer = parser.collect(LIMIT_S)
        assert answer is not None
        assert len(answer[0].detections) == 1
    assert parser.collect(0.0) is None
    parser.close()
    parser.close()


def test_close_ends_what_it_started_at_once(tmp_path: Path) -> None:
    text = "import subprocess\nsubprocess.Popen(['sleep', '98765'])\ndef parse(o, s, v): time.sleep(1000)\n"
    parser = WorkerParser(Code(written(tmp_path, text), time_limit_s=1000))
    parser.start()
    outputs = {"out": np.zeros((1, 2), np.float32)}
    parser.submit(outputs, model(outputs), [view()])
    parser.close()
    deadline = time.monotonic() + 10
    while _sleeping() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _sleeping()


def _sleeping() -> bool:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"98765" in entry.read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False


def test_the_saved_file_is_the_code_of_the_next_frame_and_a_mistake_in_it_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, "from core import N\ndef parse(o, s, v): return Prediction(custom=N)\n")
    helper = tmp_path / "core.py"
    helper.write_text("N = 1\n")
    parser = WorkerParser(Code(path, time_limit_s=LIMIT_S, dev=True))
    outputs = {"out": np.zeros((1, 2), np.float32)}

    def says() -> object:
        parser.submit(outputs, model(outputs), [view()])
        return (parser.collect(LIMIT_S) or [])[0].custom

    assert says() == 1
    helper.write_text("N = 2\n")
    assert says() == 2
    helper.write_text("N = = 3\n")
    assert says() == 2
    helper.write_text("N = 30\n")
    assert says() == 30
    said, faults = parser.printed(), dict(parser.faults)
    parser.close()
    assert said == [
        "my_parser.py was saved and is loaded anew",
        "core.py:1: SyntaxError: invalid syntax; what was loaded before goes on",
        "my_parser.py was saved and is loaded anew",
    ]
    assert (faults, parser.starts) == ({}, 0)


def test_two_parsers_with_helpers_of_one_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "core.py").write_text(f"NAME = {name!r}\n")
        written(
            folder, "import core\ndef parse(o, s, v): import core as c; return Prediction(custom=[core.NAME, c.NAME])\n"
        )
    outputs = {"out": np.zeros((1, 2), np.float32)}
    said = [one(tmp_path / name / "my_parser.py", outputs) for name in ("a", "b", "a")]
    assert [p.custom for p in said] == [["a", "a"], ["b", "b"], ["a", "a"]]
    assert same(said[0], said[2])
