"""A model that looks for nothing, and costs next to nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sightline.config import ModelConfig
from sightline.models.arrival import arrive
from sightline.models.identify import identify, require
from sightline.models.nothing import NOTHING


def test_it_is_identified_without_a_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = identify(ModelConfig(path=NOTHING))
    spec = require(found)
    assert (spec.name, spec.task, spec.head) == ("nothing", "classify", "classify")
    assert not found.warnings
    assert found.weights.is_relative_to(tmp_path)
    assert identify(ModelConfig(path=NOTHING)).spec.sha256 == spec.sha256


def test_whatever_it_sees_it_says_nothing(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="an independent reader of the graph")
    arrived = arrive(NOTHING, workspace=tmp_path)
    session = runtime.InferenceSession(str(arrived.located.weights))
    pictures = np.random.default_rng(1).uniform(-5, 5, (1, 3, 8, 8)).astype(np.float32)
    (score,) = session.run(None, {"picture": pictures})
    assert score.shape == (1, 1)
    assert score[0, 0] == 0
