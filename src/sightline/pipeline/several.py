"""Several pipelines at once in one process, each in a thread of its own; one that fails does not stop the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from sightline.channel import Channel, Closed, Worker
from sightline.config import PipelineConfig
from sightline.deployment import Deployment
from sightline.errors import SightlineError
from sightline.pipeline.build import build
from sightline.pipeline.run import Pipeline
from sightline.types import FrameResult

__all__ = ["Several", "build_all"]

_ROOM = 64  # results that wait for the reader, of all pipelines together
_PATIENCE_S = 15.0


@dataclass(slots=True, eq=False)
class Several:
    """Pipelines by id. `results()` runs them all; closing that generator, or `close()`, ends them cleanly.

    failed: what ended a pipeline before its time, or kept it from being built.
    """

    pipelines: Mapping[str, Pipeline]
    failed: dict[str, BaseException] = field(default_factory=dict[str, BaseException])
    _workers: dict[str, Worker] = field(default_factory=dict[str, Worker])
    _merged: Channel[tuple[str, FrameResult]] = field(default_factory=lambda: Channel[tuple[str, FrameResult]](_ROOM))
    _running: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def results(self) -> Iterator[tuple[str, FrameResult]]:
        """(pipeline's id, result) as they come; those of one stream in order. What fails is in `failed`, not raised."""
        self._running = len(self.pipelines)
        if not self.pipelines:
            return
        for name, pipeline in self.pipelines.items():
            self._workers[name] = Worker(name, self._reader(name, pipeline), self._done).start()
        try:
            while True:
                got = self._merged.get(None)
                if got is not None:
                    yield got
        except Closed:
            pass
        finally:
            self.close()

    def stop(self) -> None:
        """Every pipeline reads no more and delivers what is in flight. From any thread, or a signal."""
        for pipeline in self.pipelines.values():
            pipeline.stop()

    def close(self) -> None:
        """End every thread, finish every sink."""
        self._merged.stop()
        self.stop()
        for name, worker in self._workers.items():
            worker.join(_PATIENCE_S)
            if worker.error is not None:
                self.failed.setdefault(name, worker.error)
        for name, pipeline in self.pipelines.items():
            if name in self._workers:
                continue
            try:
                pipeline.close()
            except SightlineError as error:
                self.failed.setdefault(name, error)

    def _reader(self, name: str, pipeline: Pipeline) -> Callable[[threading.Event], None]:
        def read(stop: threading.Event) -> None:
            with pipeline:
                for result in pipeline.results():
                    self._merged.put((name, result))

        return read

    def _done(self) -> None:
        with self._lock:
            self._running -= 1
            last = self._running == 0
        if last:
            self._merged.close()


def build_all(deployment: Deployment, check: Callable[[str, PipelineConfig], None] | None = None) -> Several:
    """Every pipeline that can be built; `failed` says why the others cannot. Opens no camera and no network.

    check: raises SightlineError for a pipeline that is not to be built.
    """
    built: dict[str, Pipeline] = {}
    failed: dict[str, BaseException] = {}
    for name, config in deployment.pipelines.items():
        try:
            if check is not None:
                check(name, config)
            built[name] = build(config)
        except SightlineError as error:
            failed[name] = error
    return Several(built, failed)
