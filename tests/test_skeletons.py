"""Tables that can be checked without their sources: indices, names, symmetry, connected bodies."""

from __future__ import annotations

import pytest

from sightline.skeletons import keypoint_names, limbs

BODIES = (16, 17, 18, 21, 25, 26, 33, 34)


@pytest.mark.parametrize("count", [*BODIES, 68, 80, 98, 133, 468, 478])
def test_limbs_join_two_points_that_exist_and_no_pair_twice(count: int) -> None:
    pairs = limbs(count)
    assert pairs
    assert all(0 <= a < count and 0 <= b < count and a != b for a, b in pairs)
    assert len({frozenset(pair) for pair in pairs}) == len(pairs)


@pytest.mark.parametrize("count", [n for n in (5, 6, *BODIES) if n != 26])
def test_every_keypoint_has_one_name(count: int) -> None:
    names = keypoint_names(count)
    assert len(names) == len(set(names)) == count


@pytest.mark.parametrize("count", [16, 17, 18, 25, 34])
def test_a_body_is_the_same_in_the_mirror(count: int) -> None:
    names = keypoint_names(count)

    def other(name: str) -> str:
        swapped = name.replace("left", "*").replace("right", "left").replace("*", "right")
        return swapped

    joined = {frozenset((names[a], names[b])) for a, b in limbs(count)}
    assert {frozenset(map(other, pair)) for pair in joined} == joined


@pytest.mark.parametrize("count", [16, 17, 18, 21, 25, 34])
def test_a_body_hangs_together(count: int) -> None:
    reached, grew = {0}, True
    while grew:
        more = {p for pair in limbs(count) if set(pair) & reached for p in pair} - reached
        reached, grew = reached | more, bool(more)
    assert reached == set(range(count))


def test_unknown_counts_have_no_lines_and_no_names() -> None:
    assert limbs(106) == ()
    assert keypoint_names(106) == ()
