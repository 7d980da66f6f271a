"""The slow twin of a run: one frame after the other, one request at a time, no threads, no queues, no tracker.

`python -m benchmarks.slow MODEL CLIP OUT.jsonl` writes a line a frame: {"frame", "pts", "objects": [{"class",
"score", "box"}]} with every detection down to the score that a tracker may look at, unrounded.
"""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path

import av

from sightline.config import ModelConfig, PartConfig, PipelineConfig, StreamConfig
from sightline.models.infer import Model
from sightline.pipeline.build import build_model
from sightline.sources.planes import display_orientation, picture_of, usable_sar
from sightline.types import Frame, Instant, StreamInfo

__all__ = ["one_by_one"]


def one_by_one(model: Model, clip: Path, out: Path) -> int:
    """Decode, infer, write, and only then the next; returns the number of frames."""
    count = 0
    with av.open(str(clip)) as container, out.open("w") as lines:
        video = container.streams.video[0]
        for count, decoded in enumerate(container.decode(video), 1):
            turned = display_orientation(decoded)
            sar = usable_sar(video.sample_aspect_ratio, decoded.width)
            picture = picture_of(decoded, turned, sar)
            base = video.time_base or Fraction(1, 1000)
            width, height = picture.upright_wh
            stream = StreamInfo(clip.name, width, height, base)
            frame = Frame(stream, count - 1, Instant(decoded.pts, base), picture, width, height)
            found = model.predict(frame).detections
            objects = [
                {"class": int(found.label[i]), "score": float(found.score[i]), "box": found.xyxy[i].tolist()}
                for i in range(len(found))
            ]
            lines.write(json.dumps({"frame": count - 1, "pts": decoded.pts, "objects": objects}) + "\n")
    return count


def main(model_path: str, clip: str, out: str) -> None:
    config = PipelineConfig(
        streams=(StreamConfig(url=clip),), model=ModelConfig(path=model_path), tracker=PartConfig(kind="bytetrack")
    )
    model, _ = build_model(config.model, config)  # what the tracker may see is looked at here too
    one_by_one(model, Path(clip), Path(out))
    model.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
