"""What is said of a file without running it; requirements; the stand-ins leave nothing behind; private environments."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from sightline.errors import UsageError
from sightline.parsers import requirements
from sightline.parsers.blame import line_of_crash, missing_module
from sightline.parsers.code import Code
from sightline.parsers.make import judge, judge_logic, make_logic, make_parser
from sightline.parsers.room import Room
from sightline.parsers.trusted import TrustedParser
from sightline.parsers.worker_parser import WorkerParser
from tests.parsers.asking import LIMIT_S, model, view, written

GOOD = [
    "def parse(outputs, spec, view): pass\n",
    "from core import parse\n",
    "import core\nparse = core.parse\n",
    "model_type = 0\ndef parse_det_model(c, r): pass\n",
    "model_type = 1\nif True:\n    def parse_custom_model(c, r): pass\n",
    "gie_unique_id = 2\ndef parse_sgie_model(c, r): pass\n",
    "class A:\n    def parse_det_model(self, raw): pass\n",
    "class A:\n    def parser(self, layers): pass\n",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_can_be_a_parser(tmp_path: Path, text: str) -> None:
    judge(written(tmp_path, text + "raise SystemExit('it is not run')\n"))


BAD = {
    "x = 1\n": "my_parser.py: it defines no parser: expected def parse",
    "def prase(o, s, v): pass\n": "my_parser.py: it defines no parser",
    "def parse(o, s, v)\n": "my_parser.py:4: SyntaxError: expected ':'",
    "model_type = 1\ndef parse_det_model(c, r): pass\n": "my_parser.py: model_type is 1, but parse_custom_model",
    "\0": "my_parser.py",
}


@pytest.mark.parametrize("text", BAD)
def test_what_cannot(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as error:
        judge(path)
    assert str(error.value).startswith(str(tmp_path / BAD[text]))


def test_files_that_are_not_there_or_no_files(tmp_path: Path) -> None:
    for path in (tmp_path / "no.py", tmp_path):
        for check in (judge, judge_logic):
            with pytest.raises(UsageError, match=r"No such file|Is a directory"):
                check(path)


def test_making_one_starts_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, "raise RuntimeError('run')\ndef parse(o, s, v): pass\ndef on_result(r, o): pass\n")
    assert isinstance(make_parser(Code(path)), WorkerParser)
    assert isinstance(make_parser(Code(path), trust=True), TrustedParser)
    make_logic(Code(path)).close()


def test_a_trusted_parser_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "core.py").write_text("import pyds\nimport scipy.ndimage.filters\n")
    text = (
        "import core, pyds, gi\ndef parse(o, s, v): return Prediction(custom=[np.int(3.5), hasattr(pyds, 'get_ptr')])\n"
    )
    before, path, finders = set(sys.modules), list(sys.path), list(sys.meta_path)
    parser = TrustedParser(Code(written(tmp_path, text)))
    outputs = {"out": np.zeros((1, 3))}
    (said,) = parser(outputs, model(outputs), [view()])
    assert (said.custom, parser.faults) == ([3, True], {})
    new = {name for name in set(sys.modules) - before if name.partition(".")[0] not in ("scipy", "numpy")}
    assert not new & {"core", "my_parser", "pyds", "gi", "cgi"}
    assert (sys.path, sys.meta_path, hasattr(np, "int")) == (path, finders, False)


def test_helpers_hide_what_is_imported_under_their_name(tmp_path: Path) -> None:
    (tmp_path / "tests.py").write_text("MINE = 1\n")
    import tests

    room = Room(written(tmp_path, "import tests\ndef parse(o, s, v): return tests.MINE\n"))
    module = room.load()
    assert module.parse(0, 0, 0) == 1
    assert sys.modules["tests"] is tests


def test_requirements_are_compared_with_what_is_installed(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("scipy>=1\nno-such-thing==1.0\n")
    (tmp_path / "requirements.txt").write_text(
        "# what it needs\nnumpy>=1.0  # fine\n\nNumPy<1\n-r more.txt\n--index-url https://x.y\nthing-x[extra]>=2 \\\n"
        "  --hash=sha256:00\nfoo; python_version < '3'\nhttps://x.y/a.whl\n== bad\n"
    )
    found = requirements.wanted(tmp_path / "requirements.txt")
    assert [(item.line, item.met) for item in found] == [
        (2, True), (4, False), (1, True), (2, False), (7, False), (9, True), (10, True), (11, False),
    ]  # fmt: skip
    why = [item.why for item in requirements.unmet(tmp_path)]
    assert why[0] == f"NumPy<1, but NumPy {np.__version__} is installed"
    assert why[1:3] == ["no-such-thing==1.0 is not installed", "thing-x[extra]>=2 is not installed"]
    assert requirements.unmet(tmp_path / "elsewhere") == []


def test_missing_requirements_are_told_with_the_import_and_as_notes(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("no-such-thing>=3\n")
    parser = WorkerParser(Code(written(tmp_path, "import no_such_thing\ndef parse(o, s, v): pass\n")))
    with pytest.raises(UsageError) as error:
        parser.start()
    assert str(error.value) == (
        "my_parser.py:4: No module named 'no_such_thing'; install it: pip install no_such_thing\n"
        "requirements.txt: no-such-thing>=3 is not installed: pip install -r requirements.txt, or say environment: true"
    )
    parser.close()
    parser = WorkerParser(Code(written(tmp_path, "def parse(o, s, v): pass\n")))
    parser.start()
    assert parser.printed() == ["requirements.txt: no-such-thing>=3 is not installed"]
    parser.close()


def test_a_private_environment_runs_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ensurepip", reason="this Python cannot make environments")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package = tmp_path / "tiny"
    package.mkdir()
    (package / "pyproject.toml").write_text("[project]\nname = 'tiny'\nversion = '1'\n")
    code = tmp_path / "code"
    code.mkdir()
    (code / "requirements.txt").write_text("# nothing to fetch: this machine may have no net\n")
    path = written(code, "def parse(o, s, v): return Prediction(custom=[sys.prefix, np.__version__])\n")
    parser = make_parser(Code(path, time_limit_s=LIMIT_S, environment=True))
    assert isinstance(parser, WorkerParser)
    parser.start()
    outputs = {"out": np.zeros((1, 3))}
    parser.submit(outputs, model(outputs), [view()])
    (said,) = parser.collect(LIMIT_S) or []
    parser.close()
    assert isinstance(said.custom, list)
    prefix, version = said.custom
    assert prefix.startswith(str(tmp_path / "cache" / "sightline" / "environments"))
    assert version == np.__version__
    (code / "requirements.txt").write_text("./not-there\n")
    with pytest.raises(UsageError, match=r"requirements.txt: its environment cannot be made: .*not-there"):
        make_parser(Code(path, environment=True))
    assert len(list((tmp_path / "cache" / "sightline" / "environments").iterdir())) == 1


def test_the_line_of_a_crash_is_the_users_in_the_thread_that_ran_it() -> None:
    dump = (
        "Fatal Python error: Segmentation fault\n\nThread 0x1 (most recent call first):\n"
        '  File "/home/me/code/other.py", line 3 in run\n\nCurrent thread 0x2 (most recent call first):\n'
        '  File "/usr/lib/python/ctypes.py", line 9 in at\n  File "/home/me/code/\\xe9.py", line 7 in parse\n'
        '  File "/x/sightline/parsers/child.py", line 1 in main\n'
    )
    assert line_of_crash(dump, Path("/home/me/code")) == "\\xe9.py:7"
    assert line_of_crash(dump, Path("/elsewhere")) == ""
    assert line_of_crash("", Path("/")) == ""


def test_what_is_missing_is_told_by_the_name_it_installs_under() -> None:
    assert missing_module("sklearn.svm_x") in ("install it: pip install scikit-learn", "the sklearn that is installed "
                                               "has not got it")  # fmt: skip
    assert missing_module("PIL_x") == "install it: pip install PIL_x"
    assert missing_module("numpy.no") == "the numpy that is installed has not got it"
