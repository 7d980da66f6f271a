"""A model's open question put to pictures, for `inspect` and `import`: what came of it, as plain data and in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sightline.cli.frame import frames_of
from sightline.cli.verify import SCENE
from sightline.config import ModelConfig
from sightline.models.identify import Identified
from sightline.models.probing.probe import Hypothesis, probe
from sightline.pipeline.build import build_identified
from sightline.sources.diverse import diverse_frames

__all__ = ["in_words", "probed"]

_FRAMES = 6
_SHOWN = 12


def probed(
    found: Identified, config: ModelConfig, video: str | None, doubt: bool
) -> tuple[Identified, dict[str, object]]:
    """The model, decided where the pictures of `video` decided it, and what to add to a report of it.

    doubt: rank the alternatives to what was decided as well; without `video` on a drawn street scene.
    """
    source = video or SCENE
    frames = diverse_frames(lambda: frames_of(source), _FRAMES)
    said = probe(found, config, frames, build_identified, doubt)
    report: dict[str, object] = {
        "probe": [_plain(hypothesis) for hypothesis in said.ranked],
        "probe_frames": said.frames,
        "probe_verdict": said.verdict,
    }
    if video is None:
        report["probe_note"] = "tried on a drawn street scene, which says little; give --video CLIP of its own subject"
        return found, report
    return said.identified, report


def _plain(one: Hypothesis) -> dict[str, object]:
    return {
        "flags": one.flags,
        "score": round(one.score, 4),
        "consistency": round(one.measure.consistency, 4),
        "strength": round(one.measure.strength, 4),
        "plausibility": round(one.measure.plausibility, 4),
        "evidence": list(one.evidence),
    }


def in_words(report: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows of (word, text): the verdict, then the ways that were tried, the best first."""
    if "probe" not in report:
        return []
    ranked: Sequence[dict[str, Any]] = report["probe"]
    rows = [("probed", report["probe_verdict"])]
    rows += [("", f"{h['score']:.3f}  {h['flags'] or 'as it is'}: {'; '.join(h['evidence'])}") for h in ranked[:_SHOWN]]
    rows += [("", f"and {len(ranked) - _SHOWN} more")] if len(ranked) > _SHOWN else []
    return [*rows, *((("note", report["probe_note"]),) if "probe_note" in report else ())]
