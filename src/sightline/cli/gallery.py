"""`sightline gallery model/ people/*/*.jpg -o people.npz`: pictures of those who are known -> a gallery file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from sightline import flags
from sightline.cli.frame import PICTURES, frame_at
from sightline.errors import UsageError
from sightline.models.gallery import Gallery, write_gallery
from sightline.pipeline.build import build_model

__all__ = ["command", "named_pictures"]

Text = str | None


def command(
    model: Annotated[str, typer.Argument(help="a model that describes pictures by vectors")],
    pictures: Annotated[list[str], typer.Argument(help="NAME/picture.jpg, folders of such, or NAME.jpg")],
    output: Annotated[str, typer.Option("-o", "--output", help="the gallery: .npz, .json or .csv")],
    head: Annotated[Text, typer.Option(help="how the outputs are read: NAME:key=value,...")] = None,
    color: Annotated[Text, typer.Option(help="rgb, bgr or grey")] = None,
    mean: Annotated[Text, typer.Option(help="tensor = (pixel - mean) / scale")] = None,
    scale: Annotated[Text, typer.Option(help="see --mean")] = None,
    resize: Annotated[Text, typer.Option(help="stretch, letterbox, letterbox-topleft, crop or line")] = None,
) -> None:
    """The vector of every picture under the name of its folder; use it with --head embed:gallery=FILE."""
    known = named_pictures([Path(text) for text in pictures])
    name, options = flags.part("head", head, "--head")
    config = flags.model(
        model, head=name, head_options=options, color=color, mean=flags.numbers("--mean", mean),
        scale=flags.numbers("--scale", scale), resize=resize,
    )  # fmt: skip
    loaded, _ = build_model(config)
    vectors: list[np.ndarray[tuple[int], np.dtype[np.float32]]] = []
    try:
        if loaded.spec.task != "embed":
            raise UsageError(f"{model}: its task is {loaded.spec.task}; a gallery needs a model that gives vectors")
        for _, path in known:
            vector = loaded.predict(frame_at(str(path))).embedding
            if vector is None:
                raise UsageError(f"{path}: the model gives no vector for it")
            vectors.append(vector)
    finally:
        loaded.close()
    names = tuple(name for name, _ in known)
    write_gallery(Gallery(names, np.stack(vectors).astype(np.float32)), Path(output))
    print(f"{output}: {len(names)} vectors of {len(set(names))} names")


def named_pictures(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """(name, picture) of every picture: the name of its folder; its own where all of them lie in one folder."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [item for item in inside if item.is_file() and (item.suffix.lower() in PICTURES or item == path)]
    if not found:
        raise UsageError(f"{', '.join(map(str, paths))}: no picture in it; known: {' '.join(PICTURES)}")
    folders = {item.resolve().parent for item in found}
    alone = len(folders) == 1 and not any(path.is_dir() and path.resolve() not in folders for path in paths)
    return [(item.stem if alone else item.resolve().parent.name, item) for item in found]
