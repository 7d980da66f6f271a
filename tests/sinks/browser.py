"""A real browser for tests: Chromium's own pipe, where there is a Chromium."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """Where it is, None for nowhere."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Page:
    """One page of a browser that shows nothing on any screen."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._kept = b""
        self._number = 0
        self._session = ""
        self.complaints: list[str] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._ask("Runtime.enable")
        self._ask("Log.enable")
        self._ask("Page.enable")

    def open(self, address: str) -> None:
        """Go there."""
        self._ask("Page.navigate", url=address)

    def of(self, expression: str) -> Any:
        """What a script's expression gives."""
        found = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, expression: str, patience_s: float = 20.0) -> Any:
        """Its value, once that is true."""
        end = time.monotonic() + patience_s
        while not (found := self.of(expression)):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.05)
        return found

    def press(self, key: str) -> None:
        """One key, down and up."""
        text = {"text": key} if len(key) == 1 else {}
        self._ask("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self._ask("Input.dispatchKeyEvent", type="keyUp", key=key)

    def picture(self) -> np.ndarray:
        """(h, w, 3) uint8 BGR: the page as it looks."""
        data = base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"])
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert found is not None
        return np.asarray(found)

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            level = answer.get("params", {}).get("entry", {}).get("level")
            if answer.get("method") == "Runtime.exceptionThrown" or level == "error":
                self.complaints.append(json.dumps(answer["params"])[:400])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._kept:
            more = os.read(self._read, 1 << 16)
            assert more, "the browser has gone"
            self._kept += more
        message, _, self._kept = self._kept.partition(b"\0")
        return json.loads(message)


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """A browser with one empty page; its profile lies in `folder`."""
    program = chromium()
    assert program is not None
    to_browser, ours = os.pipe()
    theirs, from_browser = os.pipe()[::-1]
    # its pipe is 3 and 4, which may be in use: first both ends out of the way, then there
    begin = "import fcntl, os, sys; a, b = (fcntl.fcntl(int(n), fcntl.F_DUPFD, 20) for n in sys.argv[1:3])"
    begin += "; os.dup2(a, 3); os.dup2(b, 4); os.execv(sys.argv[3], sys.argv[3:])"
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    flags += ["--remote-debugging-pipe", f"--user-data-dir={folder}", "--window-size=1200,800", "about:blank"]
    process = subprocess.Popen(
        [sys.executable, "-c", begin, str(to_browser), str(theirs), program, *flags],
        pass_fds=(to_browser, theirs),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(to_browser)
    os.close(theirs)
    try:
        yield Page(ours, from_browser)
    finally:
        os.close(ours)
        os.close(from_browser)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        if process.poll() is None:
            process.kill()
            process.wait()
