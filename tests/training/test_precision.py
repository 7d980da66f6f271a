"""Average precision against a slow twin written from COCO's rules, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.training.precision import Found, Wanted, average_precision


def box_iou(a: np.ndarray, b: np.ndarray) -> float:
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    inter = max(w, 0) * max(h, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter
    return float(inter / union) if union > 0 else 0.0


def slow(found: list[Found], wanted: list[Wanted], label: int, least: float) -> float:
    """One class at one threshold, in plain loops."""
    marks: list[tuple[float, bool]] = []
    total = 0
    for f, w in zip(found, wanted, strict=True):
        truth = [k for k in range(len(w.label)) if w.label[k] == label]
        total += sum(not w.ignored[k] for k in truth)
        used: set[int] = set()
        order = sorted((n for n in range(len(f.label)) if f.label[n] == label), key=lambda n: -f.score[n])
        for n in order[:100]:
            best, at = -1.0, -1
            for k in truth:
                if not w.ignored[k] and k not in used:
                    overlap = box_iou(f.boxes[n], w.boxes[k])
                    if overlap > best:
                        best, at = overlap, k
            if best >= least:
                used.add(at)
                marks.append((float(f.score[n]), True))
                continue
            b = f.boxes[n]
            for k in truth:
                g = w.boxes[k]
                inter = max(min(b[2], g[2]) - max(b[0], g[0]), 0) * max(min(b[3], g[3]) - max(b[1], g[1]), 0)
                if w.ignored[k] and inter / ((b[2] - b[0]) * (b[3] - b[1])) >= least:
                    break
            else:
                marks.append((float(f.score[n]), False))
    marks.sort(key=lambda m: -m[0])
    hits, curve = 0, []
    for n, (_, right) in enumerate(marks, 1):
        hits += right
        curve.append((hits / total, hits / n))
    return sum(max((p for r, p in curve if r >= step), default=0.0) for step in np.linspace(0, 1, 101)) / 101


def picture(rng: np.random.Generator, truths: int, guesses: int) -> tuple[Found, Wanted]:
    low = rng.uniform(0, 60, (truths, 2))
    boxes = np.concatenate([low, low + rng.uniform(10, 40, (truths, 2))], 1).astype(np.float32)
    label = rng.integers(0, 2, truths).astype(np.int32)
    near = rng.integers(0, truths, guesses)
    guess = (boxes[near] + rng.normal(0, 3, (guesses, 4))).astype(np.float32)
    guess[:, 2:] = np.maximum(guess[:, 2:], guess[:, :2] + 1)
    named = np.where(rng.random(guesses) < 0.8, label[near], 1 - label[near]).astype(np.int32)
    score = rng.permutation(np.linspace(0.05, 0.95, guesses)).astype(np.float32) + np.float32(rng.uniform(0, 0.01))
    return Found(guess, score, named), Wanted(boxes, label, rng.random(truths) < 0.25)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_equals_the_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = [picture(rng, int(rng.integers(1, 6)), int(rng.integers(1, 9))) for _ in range(4)]
    found, wanted = [f for f, _ in pairs], [w for _, w in pairs]
    table = average_precision(found, wanted, 2)
    for label in range(2):
        if any(((w.label == label) & ~w.ignored).any() for w in wanted):
            for t, least in ((0, 0.5), (5, 0.75), (9, 0.95)):
                assert table[label, t] == pytest.approx(slow(found, wanted, label, least), abs=1e-9)
        else:
            assert np.isnan(table[label]).all()


def test_by_hand() -> None:
    truth = np.array([[0, 0, 10, 10], [20, 0, 30, 10]], np.float32)
    wanted = Wanted(truth, np.zeros(2, np.int32), np.zeros(2, bool))
    both = Found(truth, np.array([0.9, 0.8], np.float32), np.zeros(2, np.int32))
    assert average_precision([both], [wanted], 1) == pytest.approx(np.ones((1, 10)))
    one = Found(truth[:1], np.array([0.9], np.float32), np.zeros(1, np.int32))
    # recall steps 0.00 to 0.50 are reached, 51 of 101
    assert average_precision([one], [wanted], 1)[0, 0] == pytest.approx(51 / 101)
    wrong_first = Found(
        np.array([[50, 50, 60, 60], [0, 0, 10, 10], [20, 0, 30, 10]], np.float32),
        np.array([0.95, 0.9, 0.8], np.float32),
        np.zeros(3, np.int32),
    )
    assert average_precision([wrong_first], [wanted], 1)[0, 0] == pytest.approx(2 / 3)


def test_nothing_found_is_zero_and_nothing_wanted_is_nan() -> None:
    nothing = Found(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))
    wanted = Wanted(np.array([[0, 0, 10, 10]], np.float32), np.zeros(1, np.int32), np.zeros(1, bool))
    table = average_precision([nothing], [wanted], 2)
    assert (table[0] == 0).all()
    assert np.isnan(table[1]).all()
