"""`sightline import MODEL... -o bundle/`: a model in whatever form a tool gave it -> one bundle that holds it all."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from sightline import flags
from sightline.cli.describing import lines
from sightline.cli.frame import frame_at
from sightline.cli.probing import probed
from sightline.config import ModelConfig
from sightline.errors import ModelError, UndecidedError, UsageError
from sightline.models.arrival import Arrived, arrive
from sightline.models.bundle import BUNDLE_SUFFIX, check_bundle_target, write_bundle
from sightline.models.describe import describe
from sightline.models.download import Download, download, is_url
from sightline.models.formats import MODEL_SUFFIXES, format_of_file, is_configuration
from sightline.models.identify import Identified, identify_arrived, require
from sightline.models.locate import content_hash
from sightline.models.manifest import Origin
from sightline.models.samples import FOLDER, expected_file, said_of
from sightline.pipeline.build import build_identified
from sightline.types import FrameResult

__all__ = ["command"]

Text = str | None
_LABELS = (".names", ".txt", ".labels", ".csv", ".json", ".pbtxt")
# What a file's name loses where it becomes the bundle's.
_ENDINGS = (
    *MODEL_SUFFIXES,
    BUNDLE_SUFFIX,
    ".zip",
    ".tar",
    ".xz",
    ".gz",
    ".bz2",
    ".tgz",
    ".txz",
    ".txt",
    ".yml",
    ".yaml",
)
# Files that come second: weights whose description is the file to begin with.
_SECOND = (".bin", ".weights", ".caffemodel", ".data", *_LABELS)


def command(
    model: Annotated[list[str], typer.Argument(help="a model file, folder, archive or URL; and what belongs to it")],
    output: Annotated[Text, typer.Option("-o", "--output", help="the bundle: a folder/, or a file .sightline")] = None,
    sha256: Annotated[Text, typer.Option(help="what the file, or what the URL gives, must have")] = None,
    name: Annotated[Text, typer.Option(help="what to call the model")] = None,
    licence: Annotated[Text, typer.Option(help="its licence, where no file tells: MIT, Apache-2.0 ...")] = None,
    sample: Annotated[
        list[str] | None, typer.Option(help="a test picture to keep, with what the model says of it (repeatable)")
    ] = None,
    video: Annotated[Text, typer.Option(help="a clip of the model's own subject, to try what is open on")] = None,
    head: Annotated[Text, typer.Option(help="how the outputs are read: NAME:key=value,...")] = None,
    color: Annotated[Text, typer.Option(help="rgb, bgr or grey")] = None,
    mean: Annotated[Text, typer.Option(help="tensor = (pixel - mean) / scale")] = None,
    scale: Annotated[Text, typer.Option(help="see --mean")] = None,
    resize: Annotated[Text, typer.Option(help="stretch, letterbox, letterbox-topleft, crop or line")] = None,
    pad: Annotated[float | None, typer.Option(help="grey level around a letterbox, 0 to 255")] = None,
    labels: Annotated[Text, typer.Option(help="a label file, one name a line")] = None,
    score: Annotated[float | None, typer.Option(help="least score")] = None,
    nms: Annotated[float | None, typer.Option(help="overlap (IoU) above which the weaker box goes")] = None,
    top: Annotated[int | None, typer.Option(help="most objects a picture")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the report as JSON on standard output")] = False,
) -> None:
    """A model in whatever form a tool gave it: identified, and packed once as a bundle that every command takes."""
    head_name, head_options = flags.part("head", head, "--head")
    with tempfile.TemporaryDirectory(prefix="sightline-import-") as room:
        workspace = Path(room)
        fetched = download(model[0], _made(workspace / "fetched"), _digest(sha256)) if is_url(model[0]) else None
        first, given, table = _sorted(model if fetched is None else [str(fetched.path), *model[1:]])
        if sha256 is not None and fetched is None:
            _check(Path(first), _digest(sha256))
        config = flags.model(
            first, head=head_name, head_options=head_options, color=color, mean=flags.numbers("--mean", mean),
            scale=flags.numbers("--scale", scale), resize=resize, pad=pad, labels=labels or table, score=score,
            nms=nms, top=top,
        )  # fmt: skip
        target = Path(output) if output is not None else _beside(first)
        check_bundle_target(target)
        arrived = _named(arrive(first, given, workspace), name, licence)
        report = _packed(
            arrived, config, target, fetched, _Samples(tuple(sample or ()), _made(workspace / "samples")), video
        )
    print(json.dumps(report, indent=2) if as_json else "\n".join(lines(report)))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _digest(text: str | None) -> str:
    """Raises UsageError for what is no sha256."""
    word = (text or "").strip().lower()
    if text is not None and (len(word) != 64 or not set(word) <= set("0123456789abcdef")):
        raise UsageError(f"--sha256 {text}: expected 64 hex digits")
    return word


def _check(path: Path, digest: str) -> None:
    if not path.is_file():
        raise UsageError(f"--sha256: {path} is no file")
    found = content_hash((path,))
    if found != digest:
        raise ModelError(f"{path}: its sha256 is {found}, not {digest}\nit was changed, or is another file")


def _sorted(words: list[str]) -> tuple[str, list[Path], str | None]:
    """(the file to begin with, further files of the model, the label file). Raises UsageError for a missing one."""
    for word in words[1:]:
        if not Path(word).expanduser().exists():
            raise UsageError(f"{word}: no such file")
    first = next((word for word in words if Path(word).suffix.lower() not in _SECOND), words[0])
    first = next((word for word in words if is_configuration(Path(word).expanduser())), first)
    rest = [Path(word).expanduser() for word in words if word != first]
    tables = [path for path in rest if path.suffix.lower() in _LABELS and not format_of_file(path)]
    if len(tables) > 1:
        raise UsageError(f"{tables[1]}: two label files; {tables[0]} is one already")
    return first, [path for path in rest if path not in tables], str(tables[0]) if tables else None


def _beside(first: str) -> Path:
    """The bundle's folder where none is named: the model's own name, where the user is."""
    path = Path(first)
    stem = path.resolve().name if path.is_dir() else path.name
    while not path.is_dir() and Path(stem).suffix.lower() in _ENDINGS:
        stem = Path(stem).stem
    if path.is_file() and stem == path.name:  # of no known kind: what it is will be said, not that it is there
        stem = path.stem
    target = Path(stem or "model")
    if target.exists() and (not target.is_dir() or not (target / "model.yaml").is_file()):
        raise UsageError(f"{target}: is there already; name the bundle with -o NAME/ or -o NAME{BUNDLE_SUFFIX}")
    return target


def _named(arrived: Arrived, name: Text, licence: Text) -> Arrived:
    said = {key: value for key, value in (("name", name), ("licence", licence)) if value}
    return replace(arrived, stated=arrived.stated.model_copy(update=said))


@dataclass(frozen=True, slots=True)
class _Samples:
    """Pictures to keep in the bundle, and an empty folder for what is expected of them."""

    pictures: tuple[str, ...]
    room: Path

    def written(self, identified: Identified) -> dict[str, Path]:
        """What the model says of each, at full precision: name in the bundle -> file. Raises SightlineError."""
        files: dict[str, Path] = {}
        if not self.pictures:
            return files
        model = build_identified(identified, ModelConfig(path="", precision="f32", exact=True))
        try:
            for text in self.pictures:
                frame = frame_at(text)
                name = f"{FOLDER}/{frame.name or Path(text).name}"
                if name in files:
                    raise UsageError(f"--sample {text}: a picture of this name is there already")
                said = said_of(FrameResult(frame.without_picture(), model.predict(frame)), identified.spec.labels)
                kept = self.room / f"{len(files)}.json"
                kept.write_text(said, "utf-8")
                files |= {name: Path(text), expected_file(name): kept}
        finally:
            model.close()
        return files


def _packed(
    arrived: Arrived,
    config: ModelConfig,
    target: Path,
    fetched: Download | None,
    samples: _Samples,
    video: Text,
) -> dict[str, object]:
    """Identify, write, and say what was written."""
    identified, tried = identify_arrived(arrived, config), dict[str, object]()
    if video is not None:
        identified, tried = probed(identified, config, video, doubt=False)
    _decided(identified, tried)
    kept = samples.written(identified)
    if kept:
        names = tuple(name for name in kept if expected_file(name) in kept)
        identified = identified.stating({"samples": (*arrived.stated.samples, *names)})
    report = describe(identified) | tried
    origin = None
    if fetched is not None:
        files = {path.name: content_hash((path,)) for path in arrived.sources if path.is_file()}
        origin = Origin(
            format=arrived.format, url=fetched.url, url_sha256=fetched.sha256, checked=fetched.checked, files=files
        )
        if not fetched.checked:
            report["warnings"] = [
                *(str(line) for line in _list(report["warnings"])),
                f"nothing said which sha256 {fetched.url} must have; it has {fetched.sha256}",
            ]
    written = write_bundle(identified, target, origin, kept)
    report |= {"written": str(written), "file": str(written / identified.weights.name)}
    return report


def _decided(identified: Identified, tried: dict[str, object]) -> None:
    """Raises UndecidedError with the question, and what the pictures say of it."""
    try:
        require(identified)
    except UndecidedError as error:
        if "probe_verdict" not in tried:
            raise
        raise UndecidedError(f"{error}; {tried['probe_verdict']}") from error


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []
