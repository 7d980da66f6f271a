"""Whose fault it was: errors and crashes told by the file and line of the user's own code."""

from __future__ import annotations

import re
import sys
import traceback
from pathlib import Path

__all__ = ["blamed", "line_of_crash", "missing_module"]

_FRAME = re.compile(r'File "(.*)", line (\d+)')
# What a module is called where it is installed, if that differs.
_PACKAGES = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "google.protobuf": "protobuf",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def blamed(error: BaseException, file: Path) -> str:
    """ "my_parser.py:14: ZeroDivisionError: division by zero": the deepest line within the folder of `file`, else the
    file alone, and the error.
    """
    folder = file.parent
    text = _said(error)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno or 1}: {type(error).__name__}: {error.msg}"
    lines = [
        (Path(frame.filename), frame.lineno or 1)
        for frame in traceback.extract_tb(error.__traceback__)
        if _within(frame.filename, folder)
    ]
    if not lines:
        return f"{file.name}: {text}"
    (deepest, line), (outer, called) = lines[-1], _last_elsewhere(lines)
    through = f" (from {outer.name}:{called})" if outer != deepest else ""
    return f"{deepest.name}:{line}{through}: {text}"


def _last_elsewhere(lines: list[tuple[Path, int]]) -> tuple[Path, int]:
    """The last line in the file that was entered first."""
    first = lines[0][0]
    return next(pair for pair in reversed(lines) if pair[0] == first)


def _said(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"{error}; {missing_module(error.name)}"
    try:
        told = " ".join(str(error)[:5000].split())
    except BaseException:  # noqa: BLE001  the user's code
        told = ""
    return f"{type(error).__name__}: {told[:500]}" if told else type(error).__name__


def missing_module(name: str) -> str:
    """How a missing module is installed: "install it: pip install pillow"; a part of one that is there is not."""
    top = name.partition(".")[0]
    if top != name and top in sys.modules:
        return f"the {top} that is installed has not got it"
    package = _PACKAGES.get(name) or _PACKAGES.get(top) or top
    return f"install it: pip install {package}"


def line_of_crash(dump: str, folder: Path) -> str:
    """ "my_parser.py:7" from what faulthandler wrote when the process died; "" where the user's code is not in it.

    The thread that ran the parser is looked at first; its frames come deepest first.
    """
    threads = re.split(r"\n(?=(?:Current thread|Thread) )", dump)
    threads.sort(key=lambda text: "parsers/child.py" not in text)
    for text in threads:
        for name, line in _FRAME.findall(text):
            if _within(name, folder):
                return f"{Path(name).name}:{line}"
    return ""


def _within(filename: str, folder: Path) -> bool:
    """faulthandler writes names in ASCII, with what is not escaped."""
    plain = filename.encode("ascii", "backslashreplace").decode()
    start = str(folder).rstrip("/") + "/"
    inside = plain.startswith(start.encode("ascii", "backslashreplace").decode())
    return inside and "site-packages" not in plain
