"""Channels end, stop, drop and wake; workers keep their error and are joined."""

from __future__ import annotations

import threading
import time

import pytest

from sightline.channel import Bell, Channel, Closed, Worker


def test_items_come_out_in_order_and_the_end_after_them() -> None:
    channel: Channel[int] = Channel(4)
    for i in range(3):
        channel.put(i)
    channel.close()
    assert [channel.get(), channel.get(), channel.get()] == [0, 1, 2]
    assert channel.ended
    with pytest.raises(Closed):
        channel.get()


def test_get_gives_up_at_its_deadline() -> None:
    channel: Channel[int] = Channel(1)
    began = time.monotonic()
    assert channel.get(0.05) is None
    assert time.monotonic() - began >= 0.05


def test_a_full_channel_makes_the_writer_wait() -> None:
    channel: Channel[int] = Channel(2)

    def fill(stop: threading.Event) -> None:
        for i in range(5):
            channel.put(i)

    worker = Worker("w", fill).start()
    worker.wait(0.05)
    assert worker.alive
    assert len(channel) == 2
    assert [channel.get(1) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert worker.join(1)


def test_drop_oldest_never_waits_and_counts() -> None:
    channel: Channel[int] = Channel(2, drop_oldest=True)
    for i in range(7):
        channel.put(i)
    assert channel.dropped == 5
    assert [channel.get(), channel.get()] == [5, 6]


def test_stop_lets_a_blocked_writer_and_a_blocked_reader_go() -> None:
    full: Channel[int] = Channel(1)
    full.put(0)
    empty: Channel[int] = Channel(1)
    writer = Worker("writer", lambda stop: full.put(1)).start()

    def take(stop: threading.Event) -> None:
        empty.get(None)

    reader = Worker("reader", take).start()
    full.stop()
    empty.stop()
    assert writer.join(1)
    assert reader.join(1)
    assert writer.error is reader.error is None
    with pytest.raises(Closed):
        full.put(2)


def test_the_bell_rings_for_items_and_for_the_end() -> None:
    bell = Bell()
    channel: Channel[int] = Channel(1, bell=bell)
    assert not bell.wait(0.01)
    channel.put(1)
    assert bell.wait(0)
    assert not bell.wait(0)
    channel.close()
    assert bell.wait(0)


def test_a_worker_keeps_its_exception_with_its_own_traceback() -> None:
    def fails(stop: threading.Event) -> None:
        raise ZeroDivisionError("here")

    ended: list[bool] = []
    worker = Worker("w", fails, done=lambda: ended.append(True)).start()
    assert worker.join(1)
    assert ended == [True]
    with pytest.raises(ZeroDivisionError, match="here") as caught:
        worker.check()
    assert any(entry.name == "fails" for entry in caught.traceback)


def test_capacity_is_checked() -> None:
    with pytest.raises(ValueError, match="capacity"):
        Channel(0)
