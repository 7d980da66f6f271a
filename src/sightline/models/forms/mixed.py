"""8 bits where they do no harm: the layers that hurt are found by measuring, and left as they are."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sightline.models.identify import Identified
from sightline.models.verify import Certificate

__all__ = ["Attempt", "mixed_precision"]

_GROUPS = 6


@dataclass(frozen=True, slots=True)
class Attempt:
    """One quantised model, what it is worth, and the layers that were left as they are."""

    model: Identified
    certificate: Certificate
    kept: tuple[str, ...]


def mixed_precision(
    layers: Sequence[str],
    quantise: Callable[[tuple[str, ...]], Identified],
    certify: Callable[[Identified], Certificate],
    tell: Callable[[str], None],
) -> Attempt:
    """The model with the fewest layers kept that passes; the best there was where none does.

    All layers are quantised first. Where that fails, each of six stretches of the network is kept alone, and those
    that help most are kept together, one more each time.
    """

    def attempt(kept: tuple[str, ...]) -> Attempt:
        made = quantise(kept)
        tried = Attempt(made, certify(made), kept)
        share = tried.certificate.agreement.share
        tell(f"{len(layers) - len(kept)} of {len(layers)} layers in 8 bits: agreement {share:.3f}")
        return tried

    best = attempt(())
    if best.certificate.passed or not layers:
        return best
    alone = [attempt(group) for group in _stretches(layers)]
    alone.sort(key=lambda tried: -tried.certificate.agreement.share)
    kept: tuple[str, ...] = ()
    for helpful in alone:
        kept = tuple(name for name in layers if name in {*kept, *helpful.kept})
        tried = helpful if kept == helpful.kept else attempt(kept)
        if tried.certificate.agreement.share > best.certificate.agreement.share:
            best = tried
        if tried.certificate.passed:
            return tried
    return best


def _stretches(layers: Sequence[str]) -> list[tuple[str, ...]]:
    """The layers in order, in up to six parts."""
    parts = min(_GROUPS, len(layers))
    ends = [round(i * len(layers) / parts) for i in range(parts + 1)]
    return [tuple(layers[a:b]) for a, b in itertools.pairwise(ends)]
