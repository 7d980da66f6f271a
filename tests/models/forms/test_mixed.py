"""The layers that hurt are found by measuring: made-up layers, of which some cost agreement in 8 bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.models.agreement import Agreement
from sightline.models.forms.mixed import Attempt, mixed_precision
from sightline.models.identify import Identified
from sightline.models.verify import Certificate


@dataclass
class Bench:
    """Quantising costs what `harm` says of every layer that is not kept."""

    layers: tuple[str, ...]
    harm: Mapping[str, float]
    demand: float
    tried: list[tuple[str, ...]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def run(self) -> Attempt:
        def quantise(kept: tuple[str, ...]) -> Identified:
            self.tried.append(kept)
            return cast(Identified, kept)

        def certify(model: Identified) -> Certificate:
            kept = cast("tuple[str, ...]", model)
            share = 1 - sum(cost for name, cost in self.harm.items() if name not in kept)
            return Certificate(share >= self.demand, self.demand, Agreement(share, (), {}), (), {}, ())

        return mixed_precision(self.layers, quantise, certify, self.told.append)


LAYERS = tuple(f"conv{i}" for i in range(24))


def test_where_nothing_hurts_everything_is_quantised_once() -> None:
    bench = Bench(LAYERS, {}, 0.95)
    assert bench.run().kept == ()
    assert bench.tried == [()]
    assert bench.told == ["24 of 24 layers in 8 bits: agreement 1.000"]


def test_the_stretch_that_hurts_is_kept() -> None:
    bench = Bench(LAYERS, {"conv22": 0.3}, 0.95)
    found = bench.run()
    assert found.certificate.passed
    assert found.kept == LAYERS[20:]
    assert len(bench.tried) == 7


def test_two_stretches_are_kept_together() -> None:
    found = Bench(LAYERS, {"conv0": 0.2, "conv23": 0.3}, 0.95).run()
    assert found.certificate.passed
    assert found.kept == LAYERS[:4] + LAYERS[20:]


def test_what_cannot_pass_gives_the_best_there_was() -> None:
    found = Bench(LAYERS, {"elsewhere": 0.2, "conv5": 0.1}, 0.95).run()
    assert not found.certificate.passed
    assert found.certificate.agreement.share == pytest.approx(0.8)


@given(st.integers(0, 40), st.data())
def test_whatever_hurts_little_enough_is_left_out_and_the_rest_stays(count: int, data: st.DataObject) -> None:
    layers = LAYERS[:count] if count <= 24 else tuple(f"l{i}" for i in range(count))
    bad = data.draw(st.sets(st.sampled_from(layers), max_size=3)) if layers else set()
    found = Bench(layers, dict.fromkeys(bad, 0.2), 0.95).run()
    assert found.certificate.passed
    assert bad <= set(found.kept)
    assert list(found.kept) == [name for name in layers if name in found.kept]
