"""Several pipelines that are one deployment: what can run, and what cannot and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sightline.config import PipelineConfig

__all__ = ["Deployment"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """Pipelines by id, in the order in which they are to be told of.

    faults: what of the deployment does not run, a pipeline's or a stream's name -> one or two lines that say why and
    where it stands. notes: what a user should know of it; nothing in them stops anything. Neither holds a credential.
    idle: the deployment itself says that nothing is to run.
    """

    pipelines: Mapping[str, PipelineConfig]
    faults: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()
    idle: bool = False
