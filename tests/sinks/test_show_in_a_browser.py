"""The page in a real browser: the pictures move, the keys work, nothing is asked of anybody else."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sightline.protocols import RunInfo, StageInfo
from sightline.sinks.show import ShowSink, ShowStream
from sightline.types import Detections, Event, Frame, FrameResult, Instant, Picture, PixelLayout, Prediction, StreamInfo
from tests.sinks.browser import browser, chromium

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium here")

NASTY = "<img src=x onerror=alert(1)>"


def play(show: ShowSink, own: list[ShowStream], stop: threading.Event) -> None:
    half = np.full((90, 160), 128, np.uint8)
    k = 0
    while not stop.wait(0.02):
        for sink in own:
            info = StreamInfo(sink.screen.id, 320, 180, Fraction(1, 25), Fraction(25))
            box = np.array([[1, 1, 9, 9]], np.float32)
            found = Detections(box, np.ones(1, np.float32), np.zeros(1, np.int32), (NASTY,))
            at = Instant(k, info.base)
            events = (Event(f"{k}", "line.crossed", "gate", info.id, k, at, 3, NASTY),) if k % 50 == 0 else ()
            counts = {"gate": {"in": {NASTY: k // 50 + 1}}}
            result = FrameResult(Frame(info, k, at, None, 320, 180), Prediction(found), events=events, counts=counts)
            show.write(result, None)
            luma = np.full((180, 320), 60, np.uint8)
            luma[:, k * 4 % 320 :] = 200
            sink.write(result, Picture((luma, half, half), PixelLayout.I420) if sink.wants_picture else None)
        k += 1


def test_the_page_in_a_browser(tmp_path: Path) -> None:
    show = ShowSink(quiet=True)
    own = [show.of_stream(name) for name in ("yard", NASTY)]
    show.open(RunInfo((StageInfo("model", NASTY, "", "fake", "f32", 0.5, 0.5, ()),), ()))
    stop = threading.Event()
    player = threading.Thread(target=play, args=(show, own, stop))
    player.start()
    try:
        with browser(tmp_path) as page:
            page.open(show.address.split("?")[0])
            page.until("document.body.textContent.includes('no token')")
            page.open(show.address)
            page.until("document.querySelectorAll('canvas').length == 2")
            page.until("[...document.querySelectorAll('canvas')].every(c => c.width == 320)")
            assert page.of("location.pathname + location.search") == "/"
            assert page.of("document.cookie") == ""  # scripts cannot read the token
            middle = "document.querySelector('canvas').getContext('2d').getImageData(160, 90, 1, 1).data[0]"
            page.until(f"{middle} > 150")
            page.until(f"{middle} < 100")  # it moves
            first = page.picture()
            page.until(f"{middle} > 150")
            assert np.abs(first.astype(int) - page.picture()).max() > 100
            assert page.of("document.querySelector('.name').textContent") == "yard"
            page.until(f"document.querySelector('.objects').textContent == '1 ' + {NASTY!r}")
            page.until("document.querySelectorAll('#events li').length >= 2")
            page.until("document.querySelectorAll('#counts tr').length == 2")
            assert page.of("document.images.length") == 0  # labels are text, whatever they say
            page.press("2")
            page.until("[...document.querySelectorAll('figure')].map(f => f.hidden).join() == 'true,false'")
            page.until("document.activeElement.getAttribute('aria-label').endsWith('show all streams')")
            page.press("Escape")
            page.until("[...document.querySelectorAll('figure')].map(f => f.hidden).join() == 'false,false'")
            page.press("p")
            page.until("document.getElementById('state').textContent == 'Paused'")
            while own[0].screen.watchers:
                stop.wait(0.02)  # a page that is paused costs nothing
            page.press("p")
            page.until("document.getElementById('state').textContent == 'Live'")
            stop.set()
            player.join()
            show.close()
            page.until("document.getElementById('state').textContent == 'The run has ended'")
            assert page.of("performance.getEntriesByType('resource').every(r => r.name.startsWith(location.origin))")
            strange = [text for text in page.complaints if "401" not in text]
            assert strange == [], strange
    finally:
        stop.set()
        player.join()
        show.close()
