"""The inputs of an application -> streams: one for each, or one for each surface that a dewarper makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sightline.config import PartConfig, RegionConfig, StreamConfig
from sightline.foreign.app_plan import AppPlan
from sightline.foreign.dewarper_config import read_dewarper
from sightline.sources.addresses import name_of

__all__ = ["Streams", "streams_of"]


@dataclass(frozen=True, slots=True)
class Streams:
    """all: every stream, in order, those of one input beside each other. of: of each input, by its number, the ids.

    Other files speak of inputs by number.
    """

    all: tuple[StreamConfig, ...]
    of: tuple[tuple[str, ...], ...]

    def every(self, records: Mapping[str, object]) -> dict[str, object]:
        """What is said by the number of an input, by the number of each of its streams."""
        streams = [str(number) for number, ids in enumerate(self.of) for _ in ids]
        return {str(i): records[number] for i, number in enumerate(streams) if number in records}

    def of_inputs(self, regions: object) -> tuple[RegionConfig, ...]:
        """Regions of inputs, which are called as `names` has them, as regions of all their streams."""
        known = dict(zip(self.names, self.of, strict=True))
        return tuple(
            region.model_copy(
                update={"streams": tuple(id for name in region.streams for id in known.get(name, (name,)))}
            )
            for region in (regions if isinstance(regions, tuple) else ())
            if isinstance(region, RegionConfig)
        )

    @property
    def names(self) -> list[str]:
        """A word for each input, none twice: the id of its first stream."""
        return [ids[0] for ids in self.of]


def streams_of(plan: AppPlan) -> Streams:
    """Each with a name of its own. Raises ConfigError or ModelError for a dewarper's file that cannot be used."""
    streams: list[StreamConfig] = []
    of: list[tuple[str, ...]] = []
    taken: set[str] = set()
    for number, camera in enumerate(plan.cameras):
        name = _free(camera.id or name_of(camera.url), taken)
        views = _views(plan, number)
        ids = [name] if len(views) < 2 else [_free(f"{name}-{i}", taken) for i in range(len(views))]
        streams += [
            StreamConfig(
                url=camera.url,
                id=id,
                rtsp_transport=camera.transport,
                dewarp=view,
                camera_wh=camera.size_wh,
                camera_fps=camera.fps,
            )
            for id, view in zip(ids, views or (None,), strict=True)
        ]
        of.append(tuple(ids))
    return Streams(tuple(streams), tuple(of))


def _free(name: str, taken: set[str]) -> str:
    id, number = name, 1
    while id in taken:
        number += 1
        id = f"{name}#{number}"
    taken.add(id)
    return id


def _views(plan: AppPlan, number: int) -> tuple[PartConfig, ...]:
    """The surfaces of that input; () where no dewarper is for it."""
    if number not in plan.dewarp:
        return ()
    made = read_dewarper(plan.dewarp[number], number)
    plan.notes += made.notes
    return made.views
